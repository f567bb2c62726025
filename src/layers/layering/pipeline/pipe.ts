import type { OperationKind } from "./operation.ts";

/** `["pipe", [OPERATION, ...]]`: does one operation after the other. */
export const pipe: OperationKind = {
  name: "pipe",
  arity: 1,
  usage: '["pipe", [OPERATION, ...]]',
  parse: ([steps], { parseAll }) => (Array.isArray(steps) ? parseAll(steps) : undefined),
};
