/** Names and numbers for people. */

/** What a component is called: a store path without folder and hash, or a package's name and version. */
export function nameOf({ id, name, version }: { id: string; name?: string; version?: string }): string {
  if (name !== undefined) return version === undefined ? name : `${name}@${version}`;
  if (!id.startsWith("/")) return id.replace(/^.*node_modules\//s, "");
  return id.replace(/^\/.*\/(?:[0-9a-df-np-sv-z]{32}-)?/s, "");
}

/** A share of something for people, with as many digits as matter. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<0.1%";
  return `${value < 10 && value !== 0 ? value.toFixed(1) : value.toFixed(0)}%`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
