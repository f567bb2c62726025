import { numberGraph, type ReferencesGraph, stronglyConnectedComponents } from "#graph";

/** A graph in which each cycle is one node. */
export interface Condensed {
  /** The ids of each node, in no particular order. */
  readonly members: string[][];
  /** Each node's children, once each, all greater than the node. */
  readonly children: number[][];
}

/** The graph with each cycle made one node, ordered so that a node comes before all it refers to. */
export function condense(graph: ReferencesGraph): Condensed {
  const { ids, references } = numberGraph(graph);
  const sets = stronglyConnectedComponents(references).reverse();
  const nodeOf = new Int32Array(ids.length);
  for (const [node, set] of sets.entries()) for (const member of set) nodeOf[member] = node;
  const children = sets.map((set, node) => {
    const found = new Set<number>();
    for (const member of set) for (const reference of references[member]!) found.add(nodeOf[reference]!);
    found.delete(node);
    return [...found];
  });
  const members = sets.map((set) => set.map((member) => ids[member]!));
  return { members, children };
}
