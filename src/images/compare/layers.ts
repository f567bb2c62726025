/** Says of a layer that differs which components in it differ, and why. */
import { EntryType } from "#tar";
import { compareEntries, isReordered } from "./entries.ts";
import type { ComponentMatches, LayerPairs, Located } from "./match.ts";
import type { EntryFacts, Group, LayerFacts } from "./read.ts";
import type { ChangeReason, ComponentChange, FileAspect, FileChanges, LayerComparison } from "./types.ts";

/** The most informative first. */
const RANKS: readonly ChangeReason[] = [
  "version",
  "rebuilt",
  "content",
  "added",
  "removed",
  "moved",
  "left",
  "place",
  "links",
  "mode",
  "owner",
  "mtime",
  "attributes",
  "order",
  "encoding",
];

const REASONS: Readonly<Record<FileAspect, ChangeReason>> = {
  added: "content",
  removed: "content",
  content: "content",
  links: "links",
  mode: "mode",
  owner: "owner",
  mtime: "mtime",
  attributes: "attributes",
};

/** What people call the files of a layer that belong to no component. */
const LOOSE_NAME = "other files";

/** What the description of every layer needs. */
export interface Findings {
  readonly source: ReadonlyMap<number, LayerFacts>;
  readonly matches: ComponentMatches;
  readonly pairs: LayerPairs;
}

export type LayerDescription = Required<Pick<LayerComparison, "reasons" | "changes" | "unchanged">>;

/** Describes a layer of the target next to the layer of the source that it was made from, if there is one. */
export function describeLayer(layer: LayerFacts, { source, matches, pairs }: Findings): LayerDescription {
  const from = pairs.fromTarget.get(layer.index);
  const before = from === undefined ? undefined : source.get(from);
  const changes: ComponentChange[] = [];
  const unchanged = { components: 0, size: 0 };
  for (const group of layer.components.values()) {
    const match = matches.fromTarget.get(group);
    const change = match === undefined ? onlyOne(group, "added") : changeOf(match, group, from);
    if (change !== undefined) changes.push(change);
    else {
      unchanged.components++;
      unchanged.size += group.size;
    }
  }
  if (before !== undefined) changes.push(...lost(before, layer.index, matches));
  const loose = before === undefined ? looseAlone(layer, "added") : changeOfLoose(before, layer);
  if (loose === undefined) unchanged.size += layer.loose.size;
  else if (!isSaid(loose, layer, changes)) changes.push(loose);

  const reasons = new Set(changes.flatMap((change) => change.reasons));
  if (before !== undefined && isReordered(before.components, layer.components)) reasons.add("order");
  if (reasons.size === 0) reasons.add(before === undefined ? "added" : "encoding");
  return { reasons: ranked(reasons), changes: sorted(changes), unchanged };
}

/** Whether changes of the folders above components are explained by changes of the components. */
function isSaid(
  { reasons }: ComponentChange,
  { loose }: LayerFacts,
  changes: readonly ComponentChange[],
): boolean {
  const said = new Set(changes.flatMap((change) => change.reasons));
  const folders = [...loose.entries.values()].every(({ type }) => type === EntryType.directory);
  return folders && reasons.every((reason) => said.has(reason));
}

/** Describes a layer of the source that nothing in the target is like. */
export function describeGone(layer: LayerFacts, matches: ComponentMatches): ComponentChange[] {
  const loose = looseAlone(layer, "removed");
  return sorted([...lost(layer, undefined, matches), ...(loose === undefined ? [] : [loose])]);
}

/** The components of a source's layer that aren't in the target's layer made of it. */
function lost(layer: LayerFacts, now: number | undefined, matches: ComponentMatches): ComponentChange[] {
  return [...layer.components.values()].flatMap((group): ComponentChange[] => {
    const match = matches.fromSource.get(group);
    if (match === undefined) return [onlyOne(group, "removed")];
    if (match.layer === now) return [];
    return [{ ...nameOf(group), reasons: ["left"], size: group.size, toLayer: match.layer }];
  });
}

function onlyOne(group: Group, reason: "added" | "removed"): ComponentChange {
  const { version, size } = group;
  const versions = version === undefined ? {} : reason === "added" ? { version } : { fromVersion: version };
  return { ...nameOf(group), reasons: [reason], ...versions, size };
}

function nameOf({ identity }: Group): Pick<ComponentChange, "component" | "name"> {
  return identity === undefined ? { name: LOOSE_NAME } : { component: identity.id, name: identity.name };
}

/** How a component differs from its earlier state; undefined if it doesn't differ and was in layer `from`. */
function changeOf(
  { layer, group: before }: Located,
  now: Group,
  from: number | undefined,
): ComponentChange | undefined {
  const { files, reordered } = compareEntries(before.entries, now.entries);
  const reasons = reasonsOf(files);
  if (reordered) reasons.add("order");
  const placed = before.identity?.root !== now.identity?.root;
  const versioned =
    before.version !== now.version && before.version !== undefined && now.version !== undefined;
  const rebuilt = placed && !versioned && now.identity?.kind === "nix";
  if (versioned || rebuilt) {
    // Another version always has other content, so there is no need to say so.
    for (const reason of ["content", "links", "order"] as const) reasons.delete(reason);
    reasons.add(versioned ? "version" : "rebuilt");
  } else if (placed) {
    reasons.add("place");
  }
  if (layer !== from) reasons.add("moved");
  if (reasons.size === 0) return undefined;
  return {
    ...nameOf(now),
    reasons: ranked(reasons),
    ...(before.version === undefined ? {} : { fromVersion: before.version }),
    ...(now.version === undefined ? {} : { version: now.version }),
    ...(placed && before.identity !== undefined ? { replaces: before.identity.id } : {}),
    ...(layer === from ? {} : { fromLayer: layer }),
    size: now.size,
    files,
  };
}

function changeOfLoose(before: LayerFacts, now: LayerFacts): ComponentChange | undefined {
  const [a, b] = [before.loose.entries, now.loose.entries];
  // Folders above components come and go with them.
  const above = before.components.size > 0 || now.components.size > 0;
  const { files, reordered } = above
    ? compareEntries(withoutFolders(a, b), withoutFolders(b, a))
    : compareEntries(a, b);
  const reasons = reasonsOf(files);
  if (reordered) reasons.add("order");
  if (reasons.size === 0) return undefined;
  return { ...nameOf(now.loose), reasons: ranked(reasons), size: now.loose.size, files };
}

/** Entries without the folders that the other layer doesn't have. */
function withoutFolders(
  entries: ReadonlyMap<string, EntryFacts>,
  other: ReadonlyMap<string, EntryFacts>,
): ReadonlyMap<string, EntryFacts> {
  return new Map([...entries].filter(([path, { type }]) => type !== EntryType.directory || other.has(path)));
}

/** The loose files of a layer that has no similar layer. */
function looseAlone(
  { components, loose }: LayerFacts,
  reason: "added" | "removed",
): ComponentChange | undefined {
  const entries = components.size > 0 ? withoutFolders(loose.entries, new Map()) : loose.entries;
  if (entries.size === 0) return undefined;
  const { files } =
    reason === "added" ? compareEntries(new Map(), entries) : compareEntries(entries, new Map());
  return { ...nameOf(loose), reasons: [reason], size: loose.size, files };
}

function reasonsOf(files: FileChanges): Set<ChangeReason> {
  return new Set(Object.keys(files).map((aspect) => REASONS[aspect as FileAspect]));
}

function ranked(reasons: Iterable<ChangeReason>): ChangeReason[] {
  return [...reasons].sort((a, b) => RANKS.indexOf(a) - RANKS.indexOf(b));
}

/** By their reason, and the largest first. */
function sorted(changes: ComponentChange[]): ComponentChange[] {
  const rank = ({ reasons }: ComponentChange) => RANKS.indexOf(reasons[0]!);
  return changes.sort((a, b) => rank(a) - rank(b) || b.size - a.size);
}
