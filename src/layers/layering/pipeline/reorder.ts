import { isPaths, type OperationKind } from "./operation.ts";
import { isDict } from "./value.ts";

/** `["reorder", NAMES]`: a dict's values in this order, then those not named; anything but a dict stays as it is. */
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
