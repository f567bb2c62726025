import { invalid, type OperationKind } from "./operation.ts";
import { expectDict } from "./value.ts";

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
