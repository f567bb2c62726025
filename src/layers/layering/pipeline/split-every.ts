import { isCount, type OperationKind } from "./operation.ts";
import { expectGraph } from "./value.ts";

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
