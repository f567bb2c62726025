/** Sends each version of an image to a registry that has all earlier ones, and counts the bytes. */
import {
  auto,
  keepLayout,
  type Layout,
  largest,
  layoutOf,
  leader,
  planLayers,
  popularity,
  type Strategy,
  steady,
  steadyForSeries,
} from "#layering";
import { chunkah } from "./chunkah.ts";
import type { Version } from "./stream.ts";

/** A way to plan each version, given the layout of the one before. */
export interface Planner {
  readonly name: string;
  strategy(last: Layout | undefined): Strategy;
  /** How much more often an application changes, if it is told. */
  readonly applicationWeight?: number;
}

const always =
  (strategy: Strategy): Planner["strategy"] =>
  () =>
    strategy;
/** As builds do it that have the layout of the last one. */
const kept: Planner["strategy"] = (last) =>
  last === undefined ? steadyForSeries : keepLayout(last, steadyForSeries);

export const PLANNERS: readonly Planner[] = [
  { name: "popularity", strategy: always(popularity) },
  { name: "auto", strategy: always(auto) },
  { name: "largest", strategy: always(largest) },
  { name: "chunkah", strategy: always(chunkah) },
  { name: "leader", strategy: always(leader) },
  { name: "steady", strategy: always(steady) },
  { name: "steady, last layout", strategy: kept },
  { name: "the same, weights", strategy: kept, applicationWeight: 365 },
  { name: "chunkah, weights", strategy: always(chunkah), applicationWeight: 365 },
];

/** Replays versions for one planner: the bytes sent after the first version. */
export function replay(versions: readonly Version[], planner: Planner, available: number): number {
  const sent = new Set<string>();
  let [bytes, last] = [0, undefined as Layout | undefined];
  for (const [at, version] of versions.entries()) {
    const groups = plan(version, planner, { available, last });
    last = layoutOf(version.graph, groups);
    const more = send(groups, version, sent);
    if (at > 0) bytes += more;
  }
  return bytes;
}

/** The layers of one version. */
export function plan(
  { graph, sizes, units, applications }: Version,
  { strategy, applicationWeight }: Planner,
  { available, last }: { available: number; last?: Layout | undefined },
): readonly (readonly string[])[] {
  const weights =
    applicationWeight === undefined
      ? undefined
      : new Map([...applications].map((unit) => [unit, applicationWeight]));
  return planLayers(graph, strategy(last), { available, sizes, units, weights }).groups;
}

/** The bytes that one component a layer would send. */
export function floor(versions: readonly Version[]): number {
  const sent = new Set<string>();
  return versions.reduce((sum, version, at) => {
    const more = send(
      [...version.graph.components.keys()].map((id) => [id]),
      version,
      sent,
    );
    return at === 0 ? 0 : sum + more;
  }, 0);
}

/** Sends the layers that weren't sent before; how many bytes they have. */
export function send(
  groups: readonly (readonly string[])[],
  { sizes, contents }: Version,
  sent: Set<string>,
): number {
  let bytes = 0;
  for (const ids of groups) {
    const layer = ids.map((id) => contents.get(id)!).join();
    if (sent.has(layer)) continue;
    sent.add(layer);
    bytes += ids.reduce((sum, id) => sum + sizes.get(id)!, 0);
  }
  return bytes;
}
