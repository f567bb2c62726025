import type { ReferencesGraph } from "#graph";
import { popularityContest as contest } from "../popularity.ts";
import type { OperationKind } from "./operation.ts";
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
