/**
 * The best grouping where a change doesn't spread, as among npm packages: units in the order of how often each of their pages
 * changes, cut into as many runs as there are layers.
 *
 * A run costs its pages times its weight. With equal weights no grouping at all is cheaper than the best cut. The cost of a run
 * is a Monge array (cutting two overlapping runs so that one holds the other is never better), so the best places of a cut
 * move in one direction, and halving finds all of them in n·log n steps a layer.
 */
import { compareNames } from "#util";
import { addUnits, forEachUnit } from "../unit-sets.ts";
import type { ModelNode, UpdateModel } from "../update-model.ts";
import { pagesOfAll } from "./grouping.ts";

/**
 * The pages that a layer has to save an update, on average, to be worth having: each takes a request and a digest in the
 * manifest and the config, and the engines' time. See docs/layering.md.
 */
export const LAYER_PRICE = 4;

/** What changes together, with all nodes that it changes. */
interface Atom {
  readonly nodes: readonly ModelNode[];
  readonly pages: number;
  readonly weight: number;
  /** The smallest of its nodes. */
  readonly key: string;
}

/** The nodes in at most `available` groups, each of them worth its price. Nodes that a unit joins share one. */
export function contiguous(model: UpdateModel, available: number): ModelNode[][] {
  const atoms = atomsOf(model).sort(
    (a, b) => a.weight * b.pages - b.weight * a.pages || compareNames(a.key, b.key),
  );
  const ends = cuts(atoms, {
    most: Math.min(available, atoms.length),
    price: LAYER_PRICE * model.weights.total,
  });
  return ends.map((end, at) => atoms.slice(ends[at - 1] ?? 0, end).flatMap(({ nodes }) => nodes));
}

/** Nodes that have a unit in common, directly or through others, are one atom. */
function atomsOf({ nodes, weights }: UpdateModel): Atom[] {
  const parents = Int32Array.from(nodes.keys());
  const rootOf = (node: number): number => {
    while (parents[node] !== node) node = parents[node] = parents[parents[node]!]!;
    return node;
  };
  const holders = new Map<number, number>();
  for (const [node, { units }] of nodes.entries()) {
    forEachUnit(units, (unit) => {
      const holder = holders.get(unit);
      if (holder === undefined) holders.set(unit, node);
      else parents[rootOf(node)] = rootOf(holder);
    });
  }
  const atoms = new Map<number, ModelNode[]>();
  for (const [number, node] of nodes.entries()) {
    const root = rootOf(number);
    const atom = atoms.get(root);
    if (atom === undefined) atoms.set(root, [node]);
    else atom.push(node);
  }
  return [...atoms.values()].map((nodes) => {
    const units = weights.empty();
    for (const node of nodes) addUnits(units, node.units);
    // The nodes of a model are in the order of their keys.
    return { nodes, pages: pagesOfAll(nodes), weight: weights.of(units), key: nodes[0]!.key };
  });
}

interface CutOptions {
  /** How many runs there may be. */
  readonly most: number;
  /** What one more has to save. Each saves less than the one before. */
  readonly price: number;
}

/** Where each of some runs ends, so that all together cost least; of equally good places the first. */
function cuts(atoms: readonly Atom[], { most, price }: CutOptions): number[] {
  const n = atoms.length;
  if (n === 0) return [];
  const [pages, weight] = [new Float64Array(n + 1), new Float64Array(n + 1)];
  for (const [at, atom] of atoms.entries()) {
    pages[at + 1] = pages[at]! + atom.pages;
    weight[at + 1] = weight[at]! + atom.weight;
  }
  // What the best cut of the first j atoms costs, in as many runs as rounds were made.
  let best = Float64Array.from(pages, (sum, j) => sum * weight[j]!);
  const starts = [new Int32Array(n + 1)];
  for (let runs = 2; runs <= most; runs++) {
    const next = new Float64Array(n + 1).fill(Number.POSITIVE_INFINITY);
    const start = new Int32Array(n + 1);
    const last = best;
    const solve = (low: number, high: number, [first, end]: readonly [number, number]): void => {
      if (low > high) return;
      const j = (low + high) >> 1;
      for (let i = Math.max(first, runs - 1); i <= Math.min(end, j - 1); i++) {
        const cost = last[i]! + (pages[j]! - pages[i]!) * (weight[j]! - weight[i]!);
        if (cost >= next[j]!) continue;
        next[j] = cost;
        start[j] = i;
      }
      solve(low, j - 1, [first, start[j]!]);
      solve(j + 1, high, [start[j]!, end]);
    };
    solve(runs, n, [runs - 1, n - 1]);
    if (last[n]! - next[n]! < price) break;
    best = next;
    starts.push(start);
  }
  const ends: number[] = [];
  for (let end = n; ends.length < starts.length; end = starts[starts.length - ends.length]![end]!)
    ends.unshift(end);
  return ends;
}
