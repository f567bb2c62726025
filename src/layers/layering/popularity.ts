import { VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";
import { compareNames } from "#util";
import { condense } from "./condense.ts";
import type { Strategy } from "./plan.ts";
import { MAX_NODES, sumsOverAncestors } from "./sums.ts";

/** A component, or the components of one cycle, with what the contest counted. */
export interface Contestant {
  /** One id, or all of a cycle's, in the order of {@link compareByName}. */
  readonly ids: readonly string[];
  readonly popularity: bigint;
}

/**
 * nixpkgs' popularity contest: how often, and how deep, each component is needed. The most popular comes first,
 * and equals in the order of {@link compareByName}.
 *
 * What it counts is defined on the tree in which a component stands once for each path to it. The contest of a
 * component gives each of its children 1, and each that a child's own contest found what it found and 1 more. The
 * contest of the graph is that of an imagined component whose children are those that nobody refers to.
 *
 * Unrolled, each step of each path adds 1 for all that can be reached by it. So if `paths(c)` is the number of
 * paths from the graph's roots to c, the popularity of x is the sum of `paths(c)` over x and all that x can be
 * reached from, and no tree is needed to find it.
 *
 * Members of a cycle, which Nix never has, count as one component.
 *
 * @throws {VarveError} TOO_LARGE for more than 2^21 components.
 */
export function popularityContest(graph: ReferencesGraph): Contestant[] {
  const { members, children } = condense(graph);
  if (members.length > MAX_NODES) {
    throw new VarveError(
      "TOO_LARGE",
      `a graph of ${members.length} components is too large to plan layers for`,
    );
  }
  for (const ids of members) ids.sort(compareByName);
  const counts = sumsOverAncestors(children, countPaths(children));
  const contestants = members.map((ids, node) => ({ ids, popularity: counts[node]!, key: nameKey(ids[0]!) }));
  contestants.sort((a, b) =>
    a.popularity === b.popularity ? compareNames(a.key, b.key) : a.popularity > b.popularity ? -1 : 1,
  );
  return contestants.map(({ ids, popularity }) => ({ ids, popularity }));
}

/** The most popular components get a layer each, and the last layer gets all that remain, in the contest's order. */
export const popularity: Strategy = {
  name: "popularity",
  plan({ graph, available }) {
    const ranked = popularityContest(graph).map(({ ids }) => ids);
    const alone = ranked.slice(0, available - 1).map((ids) => [...ids]);
    const together = ranked.slice(available - 1).flat();
    return together.length === 0 ? alone : [...alone, together];
  },
};

/**
 * The order of components that are equally popular: by code point, with what comes before the first `-` moved to the
 * end. In a store path that is the hash, so the order is one of names and stays when hashes change.
 */
export function compareByName(a: string, b: string): number {
  return compareNames(nameKey(a), nameKey(b));
}

function nameKey(id: string): string {
  const dash = id.indexOf("-");
  return dash < 0 ? id : `${id.slice(dash + 1)}-${id.slice(0, dash)}`;
}

/** How many paths lead to each node from the nodes that none refers to. */
function countPaths(children: readonly (readonly number[])[]): bigint[] {
  const paths = new Array<bigint>(children.length).fill(0n);
  for (const [node, below] of children.entries()) {
    // All that refer to a node come before it, so one without paths by now is a root.
    if (paths[node] === 0n) paths[node] = 1n;
    for (const child of below) paths[child]! += paths[node]!;
  }
  return paths;
}
