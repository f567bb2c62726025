/** Names that come from graphs and images, fit to be shown. */

/** What a terminal or a reader could be fooled by: controls, marks that turn the direction of text, halves of characters. */
const UNFIT = /[\u0000-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]/gu;

/** A text without characters that don't show, or change how what is around them shows. */
export function shown(text: string): string {
  return text.replace(UNFIT, "\ufffd");
}

/** What a component is called: a store path without folder and hash, or a package's name and version. */
export function nameOf({ id, name, version }: { id: string; name?: string; version?: string }): string {
  if (name !== undefined) return shown(version === undefined ? name : `${name}@${version}`);
  if (!id.startsWith("/")) return shown(id.replace(/^.*node_modules\//, ""));
  return shown(id.replace(/^\/.*\/(?:[0-9a-df-np-sv-z]{32}-)?/, ""));
}

/** A share of something for people: as many digits as tell. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<0.1%";
  return `${value < 10 && value !== 0 ? value.toFixed(1) : value.toFixed(0)}%`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
