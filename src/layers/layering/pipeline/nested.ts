/** Operations that apply other operations to a part of a value. */
import { invalid, type OperationKind } from "./operation.ts";
import { expectDict, expectList } from "./value.ts";

/** `["pipe", [OPERATION, ...]]`: does one operation after the other. */
export const pipe: OperationKind = {
  name: "pipe",
  arity: 1,
  usage: '["pipe", [OPERATION, ...]]',
  parse: ([steps], { parseAll }) => (Array.isArray(steps) ? parseAll(steps) : undefined),
};

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

/** `["over", NAME, OPERATION]`: does the operation on one value of a dict and leaves the others as they are. */
export const over: OperationKind = {
  name: "over",
  arity: 2,
  usage: '["over", NAME, OPERATION] with a name such as "main", "common" or "rest"',
  parse([name, step], { where, parse }) {
    if (typeof name !== "string") return undefined;
    const operation = parse(step);
    return (value) => {
      const dict = expectDict(value, where);
      const part = dict.get(name);
      if (part === undefined) {
        const names = [...dict.keys()].map((key) => JSON.stringify(key)).join(", ");
        throw invalid(`${where} looks for ${JSON.stringify(name)} in a dict that has only ${names}`);
      }
      return new Map(dict).set(name, operation(part));
    };
  },
};
