import type { OperationKind } from "./operation.ts";
import { expectList } from "./value.ts";

/** `["reverse"]`: a list from its end to its beginning. */
export const reverse: OperationKind = {
  name: "reverse",
  arity: 0,
  usage: '["reverse"]',
  parse:
    (_, { where }) =>
    (value) =>
      expectList(value, where).toReversed(),
};
