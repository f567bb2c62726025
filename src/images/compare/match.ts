/** Finds which components and layers of two images correspond to each other. */

import { EntryType } from "#tar";
import { compareNames } from "#util";
import type { Group, LayerFacts } from "./read.ts";

/** A component, and the layer it is in. */
export interface Located {
  readonly layer: number;
  readonly group: Group;
}

/** Which components of the source correspond to which of the target; each is in at most one match. */
export interface ComponentMatches {
  readonly fromSource: ReadonlyMap<Group, Located>;
  readonly fromTarget: ReadonlyMap<Group, Located>;
  readonly all: readonly (readonly [Located, Located])[];
}

/**
 * Matches components by their place in the image, and then the remaining ones by their identity: first builds of the same
 * version, then other versions in their order. Swapping source and target gives the same matches.
 */
export function matchComponents(
  source: readonly LayerFacts[],
  target: readonly LayerFacts[],
): ComponentMatches {
  const all: (readonly [Located, Located])[] = [];
  const fromSource = new Map<Group, Located>();
  const fromTarget = new Map<Group, Located>();
  const match = (keyOf: (group: Group) => string | undefined): void => {
    const waiting = Map.groupBy(unmatched(source, fromSource), ({ group }) => keyOf(group));
    for (const [key, candidates] of Map.groupBy(unmatched(target, fromTarget), ({ group }) => keyOf(group))) {
      if (key === undefined) continue;
      for (const [index, before] of (waiting.get(key) ?? []).entries()) {
        const now = candidates[index];
        if (now === undefined) break;
        all.push([before, now]);
        fromSource.set(before.group, now);
        fromTarget.set(now.group, before);
      }
    }
  };
  match(({ identity }) => identity?.root);
  match(({ identity, version }) => identity?.family && `${identity.family} ${version ?? ""}`);
  match(({ identity }) => identity?.family);
  return { all, fromSource, fromTarget };
}

/** The components of layers that have no match yet, by version and place. */
function unmatched(layers: readonly LayerFacts[], matched: ReadonlyMap<Group, Located>): Located[] {
  const left = layers.flatMap(({ index, components }) =>
    [...components.values()]
      .filter((group) => !matched.has(group))
      .map((group): Located => ({ layer: index, group })),
  );
  const version = ({ group }: Located) => group.version ?? "";
  const root = ({ group }: Located) => group.identity?.root ?? "";
  return left.sort(
    (a, b) => compareVersions(version(a), version(b)) || compareNames(root(a), root(b)) || a.layer - b.layer,
  );
}

/** Numbers in versions count as numbers: 3.9 comes before 3.10. */
function compareVersions(a: string, b: string): number {
  const [left, right] = [a, b].map((version) => version.split(/(\d+)/));
  for (const [index, part] of left!.entries()) {
    const other = right![index];
    if (other === undefined) return 1;
    const order = index % 2 === 1 ? Number(part) - Number(other) : compareNames(part, other);
    if (order !== 0) return order;
  }
  return left!.length - right!.length;
}

/** For the index of a layer, the index of the other image's layer that it was made from. */
export interface LayerPairs {
  readonly fromSource: ReadonlyMap<number, number>;
  readonly fromTarget: ReadonlyMap<number, number>;
}

/**
 * Pairs layers with those that they have the most in common with: components, or files that belong to none. Swapping
 * source and target gives the same pairs.
 */
export function pairLayers(
  source: readonly LayerFacts[],
  target: readonly LayerFacts[],
  matches: ComponentMatches,
): LayerPairs {
  const fromSource = new Map<number, number>();
  const fromTarget = new Map<number, number>();
  const pair = (scores: Scores): void => {
    for (const [before, now] of scores.best()) {
      if (fromSource.has(before) || fromTarget.has(now)) continue;
      fromSource.set(before, now);
      fromTarget.set(now, before);
    }
  };
  const scores = new Scores();
  for (const [before, now] of matches.all) scores.add(before.layer, now.layer);
  scores.addShared(source, target, (type) => type !== EntryType.directory);
  pair(scores);

  // Every layer of components has the folders above them; only others are known by their folders.
  const folders = new Scores();
  const left = (layers: readonly LayerFacts[], paired: ReadonlyMap<number, number>) =>
    layers.filter(({ index, components }) => components.size === 0 && !paired.has(index));
  folders.addShared(
    left(source, fromSource),
    left(target, fromTarget),
    (type) => type === EntryType.directory,
  );
  pair(folders);
  return { fromSource, fromTarget };
}

/** How much layers of two images have in common. */
class Scores {
  readonly #scores = new Map<number, Map<number, number>>();

  add(before: number, now: number): void {
    const row = this.#scores.get(before) ?? new Map<number, number>();
    this.#scores.set(before, row.set(now, (row.get(now) ?? 0) + 1));
  }

  /** Counts the loose entries of some types that layers share. */
  addShared(
    source: readonly LayerFacts[],
    target: readonly LayerFacts[],
    counts: (type: string) => boolean,
  ): void {
    const holders = new Map<string, number[]>();
    for (const { index, loose } of source) {
      for (const [path, { type }] of loose.entries) {
        if (counts(type)) holders.set(path, [...(holders.get(path) ?? []), index]);
      }
    }
    for (const { index, loose } of target) {
      for (const [path, { type }] of loose.entries) {
        if (counts(type)) for (const before of holders.get(path) ?? []) this.add(before, index);
      }
    }
  }

  /** Pairs, the best first; among equals, those that moved the least. */
  best(): [before: number, now: number][] {
    const pairs = [...this.#scores].flatMap(([before, row]) =>
      [...row].map(([now, score]) => ({ before, now, score, distance: Math.abs(before - now) })),
    );
    const lower = ({ before, now }: { before: number; now: number }) => Math.min(before, now);
    pairs.sort((a, b) => b.score - a.score || a.distance - b.distance || lower(a) - lower(b));
    return pairs.map(({ before, now }) => [before, now]);
  }
}
