import { isPaths, type OperationKind } from "./operation.ts";
import { expectGraph } from "./value.ts";

/** `["remove_paths", PATHS]`: a graph without these components, which the image then doesn't have. */
export const removePaths: OperationKind = {
  name: "remove_paths",
  arity: 1,
  usage: '["remove_paths", PATHS] with a path or a list of paths',
  parse([given], { where }) {
    const paths = typeof given === "string" ? [given] : given;
    if (!isPaths(paths)) return undefined;
    const removed = new Set(paths);
    return (value) => expectGraph(value, where).filter((id) => !removed.has(id));
  },
};
