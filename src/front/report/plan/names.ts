/** Names and numbers for people. */
import type { GraphKind } from "#graph";

/** What a component is called: a store path without folder and hash, or a package's name and version. */
export function nameOf({ id, name, version }: { id: string; name?: string; version?: string }): string {
  if (name !== undefined) return version === undefined ? name : `${name}@${version}`;
  if (id === ".") return "the project";
  if (!id.startsWith("/")) return id.replace(/^.*node_modules\//s, "");
  return id.replace(/^\/.*\/(?:[0-9a-df-np-sv-z]{32}-)?/s, "");
}

/** A share of something for people, with as many digits as matter. */
export function percent(share: number): string {
  const value = share * 100;
  if (value > 0 && value < 0.1) return "<0.1%";
  return `${value < 10 && value !== 0 ? value.toFixed(1) : value.toFixed(0)}%`;
}

/** Which updates touch a layer, such as `12% of updates`. */
export function touchedShare({
  share,
  of,
}: {
  readonly share: number;
  readonly of: "all" | "code" | "packages";
}): string {
  if (of === "all") return `${percent(share)} of updates`;
  if (of === "packages") return `${percent(share)} of packages' updates`;
  return share === 1 ? "nearly all updates" : `${percent(share)} of changes of your code`;
}

/** Who builds from a Node project needs none of Nix's words. */
export function wordsFor(graph: GraphKind): { readonly one: string; readonly rest: string } {
  if (graph === "nix") return { one: "component", rest: "of the customisation" };
  return { one: "package", rest: "of other files" };
}

/** What an update is. */
export function updateText(graph: GraphKind, units: number): string {
  if (graph === "nix") return `An update changes one of ${counted(units, "unit")}.`;
  return `An update of packages changes one of ${units}, where those of one repository are one.`;
}

export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
