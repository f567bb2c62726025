/** What `subcomponent_in` and `subcomponent_out` share. */
import { isPaths, type OperationKind } from "./operation.ts";
import { expectGraph, type SubGraph } from "./value.ts";

/** An operation that makes a dict of a graph: `main` is what `reach` finds from some paths, `rest` all others. */
export function subcomponent(
  name: string,
  reach: (graph: SubGraph, paths: readonly string[]) => ReadonlySet<string>,
): OperationKind {
  return {
    name,
    arity: 1,
    usage: `["${name}", PATHS] with a list of paths`,
    parse([paths], { where }) {
      if (!isPaths(paths)) return undefined;
      return (value) => {
        const graph = expectGraph(value, where);
        const found = reach(graph, paths);
        return new Map([
          ["main", graph.filter((id) => found.has(id))],
          ["rest", graph.filter((id) => !found.has(id))],
        ]);
      };
    },
  };
}
