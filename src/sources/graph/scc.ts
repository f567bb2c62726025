import type { ReferencesGraph } from "./references-graph.ts";

/**
 * The strongly connected components of a directed graph, whose nodes are numbers from 0 and whose edges are the
 * lists of successors: the largest sets of nodes that all reach each other. A node in no cycle is a set of one.
 *
 * A set comes after every set that it points to. This is Tarjan's algorithm with its own stack, because real
 * graphs are deeper than the call stack.
 */
export function stronglyConnectedComponents(successors: readonly (readonly number[])[]): number[][] {
  const count = successors.length;
  const UNSEEN = -1;
  const order = new Int32Array(count).fill(UNSEEN);
  const low = new Int32Array(count);
  const nextEdge = new Int32Array(count);
  const open = new Uint8Array(count);
  const openNodes: number[] = [];
  const path: number[] = [];
  const sets: number[][] = [];
  let seen = 0;

  const enter = (node: number): void => {
    order[node] = low[node] = seen++;
    open[node] = 1;
    openNodes.push(node);
    path.push(node);
  };
  const close = (node: number): void => {
    const set: number[] = [];
    for (let member = -1; member !== node; set.push(member)) {
      member = openNodes.pop()!;
      open[member] = 0;
    }
    sets.push(set);
  };

  for (let start = 0; start < count; start++) {
    if (order[start] !== UNSEEN) continue;
    enter(start);
    while (path.length > 0) {
      const node = path.at(-1)!;
      const next = successors[node]![nextEdge[node]!++];
      if (next !== undefined) {
        if (order[next] === UNSEEN) enter(next);
        else if (open[next] === 1) low[node] = Math.min(low[node]!, order[next]!);
        continue;
      }
      path.pop();
      const parent = path.at(-1);
      if (parent !== undefined) low[parent] = Math.min(low[parent]!, low[node]!);
      if (low[node] === order[node]) close(node);
    }
  }
  return sets;
}

/** A graph's ids, numbered, and each one's references as such numbers. */
export interface NumberedGraph {
  readonly ids: readonly string[];
  readonly references: readonly (readonly number[])[];
}

/** Numbers a graph's components in the order of their ids. */
export function numberGraph(graph: ReferencesGraph): NumberedGraph {
  const ids = [...graph.components.keys()];
  const numberOf = new Map(ids.map((id, number) => [id, number]));
  const references = ids.map((id) =>
    graph.components.get(id)!.references.map((reference) => numberOf.get(reference)!),
  );
  return { ids, references };
}
