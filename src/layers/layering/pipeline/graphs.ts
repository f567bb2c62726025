/** Operations on one graph. */
import type { ReferencesGraph } from "#graph";
import { popularityContest as contest } from "../popularity.ts";
import { isCount, isPaths, type OperationKind } from "./operation.ts";
import { expectGraph, type SubGraph } from "./value.ts";

/**
 * `["popularity_contest"]`: a graph becomes a list of graphs of one component each, the most popular first. A cycle,
 * which Nix never has, stays together.
 */
export const popularityContest: OperationKind = {
  name: "popularity_contest",
  arity: 0,
  usage: '["popularity_contest"]',
  parse:
    (_, { where }) =>
    (value) => {
      const graph = expectGraph(value, where);
      return contest(asReferencesGraph(graph)).map(({ ids }) => graph.pick(ids));
    },
};

function asReferencesGraph(graph: SubGraph): ReferencesGraph {
  const components = [...graph.references].map(
    ([id, references]) => [id, { id, path: id, references }] as const,
  );
  return { kind: "nix", components: new Map(components) };
}

/** `["split_every", N]`: a graph becomes a list of graphs of N components each, in their order; the last may have fewer. */
export const splitEvery: OperationKind = {
  name: "split_every",
  arity: 1,
  usage: '["split_every", N] with a whole number N of 1 or more',
  parse([count], { where }) {
    if (!isCount(count)) return undefined;
    return (value) => {
      const graph = expectGraph(value, where);
      const { ids } = graph;
      const parts = Math.ceil(ids.length / count);
      return Array.from({ length: parts }, (_, part) =>
        graph.pick(ids.slice(part * count, (part + 1) * count)),
      );
    };
  },
};

/** `["remove_paths", PATHS]`: the graph without these components; the image won't have them. */
export const removePaths: OperationKind = {
  name: "remove_paths",
  arity: 1,
  usage: '["remove_paths", PATHS] with a path or a list of paths',
  parse([given], { where }) {
    const paths = typeof given === "string" ? [given] : given;
    if (!isPaths(paths)) return undefined;
    const removed = new Set(paths);
    return (value) => expectGraph(value, where).filter((id) => !removed.has(id));
  },
};

/** `["subcomponent_in", PATHS]`: a graph becomes a dict of `main`, the paths and all that needs them, and `rest`. */
export const subcomponentIn = subcomponent("subcomponent_in", (graph, paths) => graph.dependents(paths));

/** `["subcomponent_out", PATHS]`: a graph becomes a dict of `main`, the paths and all that they need, and `rest`. */
export const subcomponentOut = subcomponent("subcomponent_out", (graph, paths) => graph.closure(paths));

/** An operation that makes a dict of a graph: `main` is what `reach` finds from some paths, `rest` all others. */
function subcomponent(
  name: string,
  reach: (graph: SubGraph, paths: readonly string[]) => ReadonlySet<string>,
): OperationKind {
  return {
    name,
    arity: 1,
    usage: `["${name}", PATHS] with a list of paths`,
    parse([paths], { where }) {
      if (!isPaths(paths)) return undefined;
      return (value) => {
        const graph = expectGraph(value, where);
        const found = reach(graph, paths);
        return new Map([
          ["main", graph.filter((id) => found.has(id))],
          ["rest", graph.filter((id) => !found.has(id))],
        ]);
      };
    },
  };
}
