import type { OperationKind } from "./operation.ts";
import { isDict, SubGraph, type Value } from "./value.ts";

/** `["flatten"]`: a dict or list, however deep, becomes a list of its graphs, in their order. */
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
