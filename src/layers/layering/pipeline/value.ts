/**
 * What goes through a pipeline: a graph, or lists and dicts of such values, nested in any way. Operations never change
 * a value that they are given.
 */
import { VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";

export type Value = SubGraph | readonly Value[] | Dict;
/** Values by name, in an order that counts. */
export type Dict = ReadonlyMap<string, Value>;

/** Some components of the references graph, in an order, with references between them. */
export class SubGraph {
  /** Each component once, with those it refers to; all of these are components of this graph, too. */
  readonly references: ReadonlyMap<string, readonly string[]>;

  constructor(references: ReadonlyMap<string, readonly string[]>) {
    this.references = references;
  }

  /** The whole graph, the smallest component first by NAR size, and equals by id: the order that nixpkgs begins with. */
  static of(graph: ReferencesGraph): SubGraph {
    const components = [...graph.components.values()];
    components.sort((a, b) => (a.narSize ?? 0) - (b.narSize ?? 0));
    return new SubGraph(new Map(components.map(({ id, references }) => [id, references])));
  }

  /** Several graphs as one: their components one after the other, and no references but those that each has. */
  static join(graphs: readonly SubGraph[]): SubGraph {
    return new SubGraph(new Map(graphs.flatMap((graph) => [...graph.references])));
  }

  get ids(): string[] {
    return [...this.references.keys()];
  }

  /** The components that `keep` holds for, in the order they have here, and the references among them. */
  filter(keep: (id: string) => boolean): SubGraph {
    return this.pick(this.ids.filter(keep));
  }

  /** These components of the graph, in this order, and the references among them. */
  pick(ids: readonly string[]): SubGraph {
    const picked = new Set(ids);
    return new SubGraph(
      new Map(ids.map((id) => [id, this.references.get(id)!.filter((reference) => picked.has(reference))])),
    );
  }

  /** Those of `ids` that are here, and all that they need, directly or not. */
  closure(ids: Iterable<string>): Set<string> {
    return reach(ids, this.references);
  }

  /** Those of `ids` that are here, and all that need them, directly or not. */
  dependents(ids: Iterable<string>): Set<string> {
    const referrers = new Map<string, string[]>(this.ids.map((id) => [id, []]));
    for (const [id, references] of this.references) {
      for (const reference of references) referrers.get(reference)!.push(id);
    }
    return reach(ids, referrers);
  }
}

function reach(from: Iterable<string>, edges: ReadonlyMap<string, readonly string[]>): Set<string> {
  const found = new Set<string>();
  const waiting = [...from].filter((id) => edges.has(id));
  for (let id = waiting.pop(); id !== undefined; id = waiting.pop()) {
    if (found.has(id)) continue;
    found.add(id);
    waiting.push(...edges.get(id)!);
  }
  return found;
}

export function isDict(value: Value): value is Dict {
  return value instanceof Map;
}

/** The value, which must be a graph. `where` names the operation in the error. */
export function expectGraph(value: Value, where: string): SubGraph {
  if (value instanceof SubGraph) return value;
  throw misfit(value, where, "a graph");
}

/** The value, which must be a list. */
export function expectList(value: Value, where: string): readonly Value[] {
  if (Array.isArray(value)) return value as readonly Value[];
  throw misfit(value, where, "a list");
}

/** The value, which must be a dict. */
export function expectDict(value: Value, where: string): Dict {
  if (isDict(value)) return value;
  throw misfit(value, where, 'a dict, as "split_paths" and "subcomponent_out" make');
}

function misfit(value: Value, where: string, wanted: string): VarveError {
  return new VarveError("INVALID_PIPELINE", `${where} needs ${wanted}, but gets ${describe(value)}`);
}

function describe(value: Value): string {
  if (value instanceof SubGraph) return "a graph";
  if (isDict(value)) return `a dict with ${[...value.keys()].map((key) => JSON.stringify(key)).join(", ")}`;
  return "a list";
}
