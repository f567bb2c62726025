/** Operations on lists and dicts of graphs. */
import { invalid, isCount, isPaths, type OperationKind } from "./operation.ts";
import { expectList, isDict, SubGraph, type Value } from "./value.ts";

/** `["flatten"]`: a dict or list, however deeply nested, becomes a list of its graphs, in their order. */
export const flatten: OperationKind = {
  name: "flatten",
  arity: 0,
  usage: '["flatten"]',
  parse: () => graphsOf,
};

/** All graphs in a value, in their order. */
export function graphsOf(value: Value): SubGraph[] {
  if (value instanceof SubGraph) return [value];
  const values = isDict(value) ? [...value.values()] : value;
  return values.flatMap(graphsOf);
}

/** `["limit_layers", N]`: a list of graphs is reduced to at most N; the Nth and all after it become one. */
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

/** `["reverse"]`: a list in reverse order. */
export const reverse: OperationKind = {
  name: "reverse",
  arity: 0,
  usage: '["reverse"]',
  parse:
    (_, { where }) =>
    (value) =>
      expectList(value, where).toReversed(),
};

/** `["reorder", NAMES]`: a dict's values in this order, then those not named; anything else stays as it is. */
export const reorder: OperationKind = {
  name: "reorder",
  arity: 1,
  usage: '["reorder", NAMES] with a list of names',
  parse([names]) {
    if (!isPaths(names)) return undefined;
    return (value) => {
      if (!isDict(value)) return value;
      const order = new Set([...names.filter((name) => value.has(name)), ...value.keys()]);
      return new Map([...order].map((name) => [name, value.get(name)!]));
    };
  },
};
