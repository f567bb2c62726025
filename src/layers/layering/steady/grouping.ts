/** Nodes shared out among layers, while the best place for each is sought. */
import { VarveError } from "#errors";
import { forEachUnit, type UnitSet } from "../unit-sets.ts";
import type { ModelNode, UpdateModel } from "../update-model.ts";

/** In bytes. Sizes are counted in pages, so that all sums and products are exact. */
const PAGE = 4096;

/** How large a node is: in pages, and never nothing, since there is something to send of it. */
export function pagesOf({ bytes }: Pick<ModelNode, "bytes">): number {
  return Math.max(1, Math.ceil(bytes / PAGE));
}

/** How large some nodes are together, in pages. */
export function pagesOfAll(nodes: readonly ModelNode[]): number {
  return nodes.reduce((sum, node) => sum + pagesOf(node), 0);
}

/** What a place would cost beside what {@link Grouping} counts by itself. */
export type ExtraCost = (node: number, layer: number) => number;

/**
 * A grouping that changes node by node. Nodes and layers are numbers: a node's is its place in the model, which is the order of
 * keys. Its cost is what updates send of it: for each layer its pages times the weight of all that touches it.
 */
export class Grouping {
  /** The number of layers that there may be. */
  readonly available: number;
  /** The layer that each node is in; -1 for a node that is in none. */
  readonly layers: Int32Array;
  /** How many pages each layer has. */
  readonly pages: Float64Array;
  /** How many nodes each layer has. */
  readonly members: Int32Array;
  /** How many pages each node has. */
  readonly sizes: Float64Array;
  readonly #model: UpdateModel;
  readonly #weights: Float64Array;
  readonly #sets: UnitSet[] = [];
  /** How many nodes of a layer each unit touches. */
  readonly #touching: Int32Array[] = [];

  constructor(model: UpdateModel, available: number) {
    this.#model = model;
    this.available = available;
    this.layers = new Int32Array(model.nodes.length).fill(-1);
    this.sizes = Float64Array.from(model.nodes, pagesOf);
    this.pages = new Float64Array(available);
    this.members = new Int32Array(available);
    this.#weights = new Float64Array(available);
    for (let layer = 0; layer < available; layer++) {
      this.#sets.push(model.weights.empty());
      this.#touching.push(new Int32Array(model.units.length));
    }
  }

  /** Puts a node that is in no layer into one. */
  add(node: number, layer: number): void {
    this.layers[node] = layer;
    this.pages[layer]! += this.sizes[node]!;
    this.members[layer]!++;
    const [set, touching] = [this.#sets[layer]!, this.#touching[layer]!];
    forEachUnit(this.#model.nodes[node]!.units, (unit) => {
      if (touching[unit]!++ > 0) return;
      set[unit >> 5]! |= 1 << (unit & 31);
      this.#weights[layer]! += this.#model.weights.each[unit]!;
    });
  }

  /** Takes a node out of its layer. */
  remove(node: number): void {
    const layer = this.layers[node]!;
    this.layers[node] = -1;
    this.pages[layer]! -= this.sizes[node]!;
    this.members[layer]!--;
    const [set, touching] = [this.#sets[layer]!, this.#touching[layer]!];
    forEachUnit(this.#model.nodes[node]!.units, (unit) => {
      if (--touching[unit]! > 0) return;
      set[unit >> 5]! &= ~(1 << (unit & 31));
      this.#weights[layer]! -= this.#model.weights.each[unit]!;
    });
  }

  /**
   * The layer where a node that is in none costs least; of equal ones the lowest.
   * @param factor what this cost is multiplied by before the extra cost is added
   * @param first a layer that is to be preferred to all that aren't strictly cheaper
   */
  cheapest(
    node: number,
    {
      extra,
      factor = 1,
      first = -1,
    }: { extra?: ExtraCost | undefined; factor?: number; first?: number } = {},
  ): number {
    const { units, weight } = this.#model.nodes[node]!;
    const size = this.sizes[node]!;
    const cost = (layer: number, added: number): number => {
      const [pages, touched] = [this.pages[layer]!, this.#weights[layer]!];
      return factor * (size * touched + (pages + size) * added) + (extra?.(node, layer) ?? 0);
    };
    // What is new to a layer weighs at least the difference. The least first, so that most layers needn't be looked at.
    const offers = this.#open(first)
      .map((layer) => ({ layer, atLeast: cost(layer, Math.max(0, weight - this.#weights[layer]!)) }))
      .sort((a, b) => a.atLeast - b.atLeast || a.layer - b.layer);
    const shared = this.#model.weights.sharedWith(units);
    const exact = (layer: number): number => cost(layer, weight - shared(this.#sets[layer]!));
    let found = first;
    let best = first < 0 ? Number.POSITIVE_INFINITY : exact(first);
    for (const { layer, atLeast } of offers) {
      if (atLeast > best) break;
      const offered = exact(layer);
      if (offered < best || (offered === best && found !== first && layer < found)) {
        best = offered;
        found = layer;
      }
    }
    return found;
  }

  /** The layers in which a node may be put besides one: of those that are empty, the first only. */
  #open(besides: number): number[] {
    const empty = this.members.indexOf(0);
    return [...this.members.keys()].filter(
      (layer) => layer !== besides && (this.members[layer]! > 0 || layer === empty),
    );
  }

  /** The nodes of each layer that isn't empty. */
  toGroups(): ModelNode[][] {
    const groups: ModelNode[][] = Array.from({ length: this.available }, () => []);
    for (const [node, layer] of this.layers.entries()) groups[layer]!.push(this.#model.nodes[node]!);
    return groups.filter((group) => group.length > 0);
  }

  /** The numbers of all nodes, the largest first; of equal ones those with smaller keys. */
  largestFirst(): number[] {
    return [...this.sizes.keys()].sort((a, b) => this.sizes[b]! - this.sizes[a]! || a - b);
  }
}

/** A grouping with these groups, in the order of their first keys. */
export function groupingOf(
  groups: readonly (readonly ModelNode[])[],
  { model, available }: { model: UpdateModel; available: number },
): Grouping {
  const numbers = new Map(model.nodes.map((node, number) => [node, number]));
  const grouping = new Grouping(model, available);
  const sorted = groups
    .map((group) => group.map((node) => numbers.get(node)!).sort((a, b) => a - b))
    .sort(([a], [b]) => a! - b!);
  for (const [layer, group] of sorted.entries()) for (const node of group) grouping.add(node, layer);
  return grouping;
}

/**
 * Checks that sums and products of sizes and weights stay whole numbers, up to so many times the product of both totals. Otherwise the
 * plan would depend on the order in which they are added.
 * @throws VarveError `TOO_LARGE`
 */
export function checkExact({ nodes, weights }: UpdateModel, times: number): void {
  if (Number.isSafeInteger(times * pagesOfAll(nodes) * weights.total)) return;
  throw new VarveError(
    "TOO_LARGE",
    "the weights are too large for the sizes of what is in the image; give smaller ones",
  );
}
