import type { OperationKind } from "./operation.ts";
import { expectList } from "./value.ts";

/** `["map", OPERATION]`: does the operation on each value of a list. */
export const map: OperationKind = {
  name: "map",
  arity: 1,
  usage: '["map", OPERATION]',
  parse([step], { where, parse }) {
    const operation = parse(step);
    return (value) => expectList(value, where).map(operation);
  },
};
