import { invalid, isCount, type OperationKind } from "./operation.ts";
import { expectList, SubGraph } from "./value.ts";

/** `["limit_layers", N]`: a list of graphs is left with N at most; the Nth and all after it become one. */
export const limitLayers: OperationKind = {
  name: "limit_layers",
  arity: 1,
  usage: '["limit_layers", N] with a whole number N of 1 or more',
  parse([count], { where }) {
    if (!isCount(count)) return undefined;
    return (value) => {
      const graphs = expectList(value, where).map((item) => {
        if (item instanceof SubGraph) return item;
        throw invalid(`${where} needs a list of graphs, but the list is nested; put ["flatten"] before it`);
      });
      if (graphs.length <= count) return graphs;
      return [...graphs.slice(0, count - 1), SubGraph.join(graphs.slice(count - 1))];
    };
  },
};
