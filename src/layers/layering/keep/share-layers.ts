/** Plans with layers that other images have, so that a registry and those who pull several images have them once. */
import type { ReferencesGraph } from "#graph";
import { compareNames } from "#util";
import { keysOf, versionOf } from "../key.ts";
import type { Layout } from "../layout.ts";
import type { PlanInput, Strategy } from "../plan.ts";
import { keyHash, layerHash, stateHash } from "../short-layout.ts";
import { pagesOf } from "../steady/grouping.ts";
import { keepLayout } from "./keep-layout.ts";

/** How much of the layers that there may be others' layers may take; what is left is for what only this image has. */
const SHARE = 0.95;

/**
 * A strategy that begins with the layers of other images which lie wholly in the graph, in the same versions, the largest first. They count as
 * layers that are there already: what is left joins them, and they are changed or given up, only where that soon pays off. Without any it is `fresh`.
 */
export function shareLayers(others: readonly Layout[], fresh: Strategy): Strategy {
  return {
    ...fresh,
    plan(input) {
      const layers = sharedLayers(others, input);
      return layers.length === 0 ? fresh.plan(input) : keepLayout({ layers }, fresh).plan(input);
    },
  };
}

/** The layers of other images that a graph can have as they are, no two of which have anything in common. */
function sharedLayers(others: readonly Layout[], input: PlanInput): Map<string, string>[] {
  const { graph, available, sizes, keys = keysOf(graph) } = input;
  const pages = (ids: readonly string[]): number =>
    ids.reduce((sum, id) => {
      const bytes = sizes?.get(id) ?? graph.components.get(id)!.narSize ?? 0;
      return sum + pagesOf({ bytes });
    }, 0);
  const found = new Map<string, { ids: readonly string[]; size: number }>();
  for (const ids of others.flatMap((layout) => layersIn(layout, graph, keys))) {
    found.set(JSON.stringify(ids), { ids, size: pages(ids) });
  }
  const order = [...found].sort(([a, one], [b, other]) => other.size - one.size || compareNames(a, b));
  const taken = new Set<string>();
  const layers: Map<string, string>[] = [];
  for (const [, { ids }] of order) {
    if (layers.length >= Math.floor(available * SHARE)) break;
    if (ids.some((id) => taken.has(id))) continue;
    for (const id of ids) taken.add(id);
    layers.push(new Map(ids.map((id) => [keys.get(id)!, versionOf(graph.components.get(id)!)])));
  }
  return layers;
}

/** Which of some groups of ids are layers of images with these layouts, in the same versions. */
export function isLayerOf(
  layouts: readonly Layout[],
  graph: ReferencesGraph,
): (group: readonly string[]) => boolean {
  if (layouts.length === 0) return () => false;
  const keys = keysOf(graph);
  const nameOf = (ids: readonly string[]): string => JSON.stringify([...ids].sort());
  const known = new Set(layouts.flatMap((layout) => layersIn(layout, graph, keys)).map(nameOf));
  return (group) => known.has(nameOf(group));
}

/** The layers of a layout that lie wholly in a graph, in the same versions: ids, in the order of their keys. */
function layersIn(
  { layers, hashes }: Layout,
  graph: ReferencesGraph,
  keys: ReadonlyMap<string, string>,
): string[][] {
  const nameOf = (id: string) => (hashes === undefined ? keys.get(id)! : keyHash(keys.get(id)!));
  const stateOf = hashes === undefined ? versionOf : stateHash;
  const byEntry = Map.groupBy(graph.components.keys(), (id) =>
    JSON.stringify([nameOf(id), stateOf(graph.components.get(id)!)]),
  );
  return layers.flatMap((layer, at) => {
    const ids = [...layer].map(([name, state]) => {
      // What may change without a sign isn't known to be the same, nor is what two have one hash for.
      const [id, ...more] = state === "" ? [] : (byEntry.get(JSON.stringify([name, state])) ?? []);
      return more.length === 0 ? id : undefined;
    });
    if (ids.length === 0 || ids.includes(undefined)) return [];
    const inOrder = (ids as string[]).sort((a, b) => compareNames(keys.get(a)!, keys.get(b)!));
    return hashes === undefined || layerHash(inOrder, graph) === hashes[at] ? [inOrder] : [];
  });
}
