/**
 * nixpkgs' own planner, `auto-layer`, which gives the largest components layers of their own.
 *
 * Components are made heads, one after another, the largest first, for as long as there are layers. A component that is no
 * head is with the heads that need it, of which those count that are nearest: a head isn't counted for what one of the heads
 * that it needs brings as well. All components that the same heads need are a layer. So each head has a layer with what
 * nothing but it needs, what several heads share is a layer, and what none of them needs is one, too.
 *
 * The layers stand in the order of how large they are with all that they need, so that each comes after what it needs.
 */
import type { ReferencesGraph } from "#graph";
import { compareNames } from "#util";
import { condense } from "../condense.ts";
import type { PlanInput, Strategy } from "../plan.ts";
import { orderOfSets } from "./python-set.ts";

/**
 * The same layers, in the same order, as nixpkgs' `dockerTools` makes of the same graph. Sizes are those of NARs where the
 * graph has them. What was left out of the graph takes part and is then dropped, as there: see {@link PlanInput.whole}.
 */
export const auto: Strategy = {
  name: "auto",
  plan({ graph, whole = graph, sizes, available }) {
    const nodes = nodesOf(whole, sizes);
    const layers = orderLayers(nodes, layersOf(nodes, available));
    return layers
      .map((layer) => layer.flatMap(({ ids }) => ids).filter((id) => graph.components.has(id)))
      .map((ids) => ids.sort(compareParts))
      .filter((ids) => ids.length > 0);
  },
};

/** A component, or the components of one cycle. */
interface Node {
  /** By code point. */
  readonly ids: readonly string[];
  readonly bytes: number;
  /** Its number: its place among all nodes in the order of ids. */
  readonly at: number;
  /** The numbers of the nodes that it refers to. */
  readonly needs: number[];
  /** The numbers of the nodes that refer to it. */
  readonly users: number[];
}

/** A layer while it is planned: the heads that its nodes are with, by their numbers, the smallest first. */
type Heads = readonly number[];

function nodesOf(graph: ReferencesGraph, sizes: PlanInput["sizes"]): Node[] {
  const { members, children } = condense(graph);
  const sizeOf = (id: string): number => graph.components.get(id)!.narSize ?? sizes?.get(id) ?? 0;
  for (const ids of members) ids.sort(compareNames);
  // The order in which Nix lists a graph decides what comes first of equals.
  const order = members.map((_, member) => member);
  order.sort((a, b) => compareNames(members[a]![0]!, members[b]![0]!));
  const numbers = new Map(order.map((member, at) => [member, at]));
  const nodes = order.map((member, at): Node => {
    const ids = members[member]!;
    const bytes = ids.reduce((sum, id) => sum + sizeOf(id), 0);
    return { ids, bytes, at, needs: children[member]!.map((child) => numbers.get(child)!), users: [] };
  });
  for (const { at, needs } of nodes) for (const needed of needs) nodes[needed]!.users.push(at);
  return nodes;
}

/** The heads that each node is with, in the order of nodes: the same list for all nodes of one layer. */
function layersOf(nodes: readonly Node[], available: number): Heads[] {
  // Each would become a head.
  if (nodes.length <= available) return nodes.map(({ at }) => [at]);
  const layers = new Layers(nodes);
  for (const head of nodes.toSorted((a, b) => b.bytes - a.bytes || b.at - a.at)) {
    if (!layers.add(head, available)) break;
  }
  return layers.heads;
}

/** The layers while heads are added, one after the other. What a head doesn't touch costs nothing. */
class Layers {
  /** Of each node, in their order. */
  readonly heads: Heads[];
  readonly #nodes: readonly Node[];
  /** All lists of heads so far, by a hash, so that equal ones are one. */
  readonly #known = new Map<number, Heads[]>();
  /** How many nodes are with each list. */
  readonly #counts = new Map<Heads, number>();

  constructor(nodes: readonly Node[]) {
    const nobody: Heads = [];
    this.#nodes = nodes;
    this.heads = nodes.map(() => nobody);
    this.#counts.set(nobody, nodes.length);
  }

  /** Makes a node a head, unless there would be more layers than there may be. @returns whether it is one */
  add(head: Node, available: number): boolean {
    const above = new Set(reach(this.#nodes, [head.at], "users").slice(1));
    const below = new Set(reach(this.#nodes, [head.at], "needs").slice(1));
    const changed = new Map<Heads, Heads>();
    const moves: { at: number; after: Heads }[] = [];
    for (const at of below) {
      const before = this.heads[at]!;
      let after = changed.get(before);
      if (after === undefined) {
        // The new head is nearer than those that need it, and those that it needs are nearer than it.
        const nearest = before.filter((other) => !above.has(other));
        if (!nearest.some((other) => below.has(other))) nearest.push(head.at);
        after = this.#unique(nearest.sort((a, b) => a - b));
        changed.set(before, after);
      }
      if (after !== before) moves.push({ at, after });
    }
    moves.push({ at: head.at, after: this.#unique([head.at]) });
    const undone = this.#move(moves);
    if (this.#counts.size <= available) return true;
    this.#move(undone);
    return false;
  }

  /** @returns what moves them back */
  #move(moves: readonly { at: number; after: Heads }[]): { at: number; after: Heads }[] {
    return moves.map(({ at, after }) => {
      const before = this.heads[at]!;
      this.heads[at] = after;
      this.#count(before, -1);
      this.#count(after, 1);
      return { at, after: before };
    });
  }

  #count(heads: Heads, change: 1 | -1): void {
    const count = (this.#counts.get(heads) ?? 0) + change;
    if (count === 0) this.#counts.delete(heads);
    else this.#counts.set(heads, count);
  }

  #unique(list: Heads): Heads {
    let hash = list.length;
    for (const at of list) hash = Math.imul(hash ^ at, 0x9e3779b1) | 0;
    const alike = this.#known.get(hash) ?? [];
    const one = alike.find((other) => isSame(other, list));
    if (one !== undefined) return one;
    this.#known.set(hash, [...alike, list]);
    return list;
  }
}

function isSame(a: Heads, b: Heads): boolean {
  return a.length === b.length && a.every((at, index) => at === b[index]);
}

/** The layers' nodes: by their size with all that they need, and then as Python happens to hold equals. */
function orderLayers(nodes: readonly Node[], heads: readonly Heads[]): Node[][] {
  const layers = [...Map.groupBy(nodes, ({ at }) => heads[at]!)].map(([list, members]) => {
    const closure = reach(
      nodes,
      members.map(({ at }) => at),
      "needs",
    );
    return { list, members, bytes: closure.reduce((sum, at) => sum + nodes[at]!.bytes, 0) };
  });
  if (new Set(layers.map(({ bytes }) => bytes)).size < layers.length) {
    const order = orderOfSets(layers.map(({ list }) => list.map((at) => nodes[at]!.ids[0]!)));
    const places = new Map(order.map((layer, place) => [layers[layer]!, place]));
    layers.sort((a, b) => a.bytes - b.bytes || places.get(a)! - places.get(b)!);
  } else {
    layers.sort((a, b) => a.bytes - b.bytes);
  }
  return layers.map(({ members }) => members);
}

/** The numbers of these nodes, and of all that they need or that use them. */
function reach(nodes: readonly Node[], from: readonly number[], what: "needs" | "users"): number[] {
  const seen = new Uint8Array(nodes.length);
  const reached = [...from];
  for (const at of from) seen[at] = 1;
  // A list is walked to its end, with what is added meanwhile.
  for (const at of reached) {
    for (const next of nodes[at]![what]) {
      if (seen[next] === 1) continue;
      seen[next] = 1;
      reached.push(next);
    }
  }
  return reached;
}

/** By what follows the first dash, in a store path the name, and then by what is before it, the hash. */
function compareParts(a: string, b: string): number {
  const [[firstA, restA], [firstB, restB]] = [partsOf(a), partsOf(b)];
  return compareNames(restA, restB) || compareNames(firstA, firstB);
}

function partsOf(id: string): [string, string] {
  const dash = id.indexOf("-");
  return dash < 0 ? ["", id] : [id.slice(0, dash), id.slice(dash + 1)];
}
