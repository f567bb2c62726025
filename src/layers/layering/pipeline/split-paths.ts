import { isPaths, type OperationKind } from "./operation.ts";
import { expectGraph, SubGraph } from "./value.ts";

/** A component, or all that some components refer to. */
type Spec = string | { readonly children_of: string | readonly string[] };

/**
 * `["split_paths", SPECS]`: a graph becomes a dict of up to three, those of them that aren't empty:
 *
 * - `main`: the components that the specs name, and what is needed by nothing but them;
 * - `common`: what they need and the rest needs as well;
 * - `rest`: all others.
 *
 * References to what the specs name are gone from the results: a later contest doesn't count them.
 */
export const splitPaths: OperationKind = {
  name: "split_paths",
  arity: 1,
  usage: '["split_paths", SPECS] with a list of paths and of { "children_of": PATHS }',
  parse([specs], { where }) {
    if (!Array.isArray(specs) || !specs.every(isSpec)) return undefined;
    return (value) => split(expectGraph(value, where), specs);
  },
};

function split(graph: SubGraph, specs: readonly Spec[]): ReadonlyMap<string, SubGraph> {
  const named = new Set(specs.flatMap((spec) => idsOf(spec, graph)).filter((id) => graph.references.has(id)));
  if (named.size === 0) return new Map([["rest", graph]]);
  const roots = rootsOf(graph);
  if (roots.length === 1 && named.has(roots[0]!)) return new Map([["main", graph]]);

  const needed = graph.closure(named);
  const cut = withoutReferencesTo(graph, named);
  const rest = graph.ids.filter((id) => !needed.has(id));
  // What the rest still reaches once nothing refers to what is split off.
  const reached = cut.closure(rest);
  const parts = [
    ["main", cut.filter((id) => needed.has(id) && !reached.has(id))],
    ["common", cut.filter((id) => needed.has(id) && reached.has(id))],
    ["rest", cut.filter((id) => !needed.has(id))],
  ] as const;
  return new Map(parts.filter(([, part]) => part.references.size > 0));
}

function isSpec(spec: unknown): spec is Spec {
  if (typeof spec !== "object" || spec === null) return typeof spec === "string";
  const { children_of: parents, ...others } = spec as { children_of?: unknown };
  return Object.keys(others).length === 0 && (typeof parents === "string" || isPaths(parents));
}

function idsOf(spec: Spec, graph: SubGraph): readonly string[] {
  if (typeof spec === "string") return [spec];
  return [spec.children_of].flat().flatMap((id) => graph.references.get(id) ?? []);
}

function rootsOf(graph: SubGraph): string[] {
  const referenced = new Set([...graph.references.values()].flat());
  return graph.ids.filter((id) => !referenced.has(id));
}

function withoutReferencesTo(graph: SubGraph, ids: ReadonlySet<string>): SubGraph {
  return new SubGraph(
    new Map(
      [...graph.references].map(([id, references]) => [id, references.filter((other) => !ids.has(other))]),
    ),
  );
}
