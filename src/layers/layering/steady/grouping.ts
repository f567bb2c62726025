/** Nodes shared out among layers, while the best place for each is sought. */
import { VarveError } from "#errors";
import { FilledWords } from "../unit-sets.ts";
import type { ModelNode, UpdateModel } from "../update-model.ts";
import { Touching } from "./touching.ts";

/** In bytes. Sizes are counted in pages, so that all sums and products are exact. */
export const PAGE = 4096;

/** More bounds aren't remembered: they take 128 MiB. */
const MAX_BOUNDS = 2 ** 24;

/** What a place costs that isn't to be had. */
const NEVER = Number.POSITIVE_INFINITY;

/** How large a node is: in pages, and never nothing, since there is something to send of it. */
export function pagesOf({ bytes }: Pick<ModelNode, "bytes">): number {
  return Math.max(1, Math.ceil(bytes / PAGE));
}

/** How large some nodes are together, in pages. */
export function pagesOfAll(nodes: readonly ModelNode[]): number {
  return nodes.reduce((sum, node) => sum + pagesOf(node), 0);
}

/** What a place would cost beside what {@link Grouping} counts by itself. It follows from the node and from what is in the layer. */
export type ExtraCost = (node: number, layer: number) => number;

export interface PlacingOptions {
  /** What the layers' cost is multiplied by before the extra cost is added. */
  readonly factor?: number;
  readonly extra?: ExtraCost | undefined;
}

export interface MoveOptions extends PlacingOptions {
  /** Is told of the node when it is taken out of its layer. */
  readonly onTaken?: ((node: number, layer: number) => void) | undefined;
  /** Is told of it when it is put into one. */
  readonly onPut?: ((node: number, layer: number) => void) | undefined;
}

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
  readonly #touching: Touching[];
  /** How much weight has come to each layer so far, whatever has gone since. */
  readonly #grown: Float64Array;
  /**
   * For each node and layer the weight of what they had in common when that was last counted, less what had come to the layer until
   * then. Since no more can have been added than has come, it is a bound, which spares most counting.
   */
  readonly #common: Float64Array;
  /** How many of them a node has: one for each layer, or none if they would be too many. */
  readonly #stride: number;
  /** The first word of each node's units that has bits. */
  readonly #first: Int32Array;
  /** Of the node that is looked at. */
  readonly #words: FilledWords;
  readonly #bounds: Float64Array;

  constructor(model: UpdateModel, available: number) {
    this.#model = model;
    this.available = available;
    this.layers = new Int32Array(model.nodes.length).fill(-1);
    this.sizes = Float64Array.from(model.nodes, pagesOf);
    this.pages = new Float64Array(available);
    this.members = new Int32Array(available);
    this.#weights = new Float64Array(available);
    this.#touching = Array.from({ length: available }, () => new Touching(model.weights));
    this.#grown = new Float64Array(available);
    this.#stride = model.nodes.length * available <= MAX_BOUNDS ? available : 0;
    this.#common = new Float64Array(Math.max(1, model.nodes.length * this.#stride, available)).fill(NEVER);
    this.#first = Int32Array.from(model.nodes, ({ units }) => units.findIndex((word) => word !== 0));
    this.#words = new FilledWords(model.weights);
    this.#bounds = new Float64Array(available);
  }

  /** Puts a node that is in no layer into one. */
  add(node: number, layer: number): void {
    this.#look(node);
    this.#add(node, layer);
  }

  /** The layer where a node that is in none costs least; of equal ones the lowest. */
  cheapest(node: number, options: PlacingOptions = {}): number {
    this.#look(node);
    return this.#cheapest(node, options, { from: -1, alone: 0 });
  }

  /**
   * Takes a node out of its layer and puts it where it costs least: of equal ones where it was, else the lowest.
   * @returns whether it has moved
   */
  move(node: number, { onTaken, onPut, ...options }: MoveOptions = {}): boolean {
    const from = this.layers[node]!;
    const touching = this.#touching[from]!;
    this.#look(node);
    const alone = this.#words.weightIn(touching.once);
    // Its units stay counted, since most nodes stay where they are.
    this.#count(node, from, { sign: -1, weight: alone });
    onTaken?.(node, from);
    const to = this.#cheapest(node, options, { from, alone });
    if (to === from) {
      this.#count(node, from, { sign: 1, weight: alone });
    } else {
      touching.remove(this.#words);
      this.#add(node, to);
    }
    onPut?.(node, to);
    return to !== from;
  }

  #look(node: number): void {
    this.#words.fill(this.#model.nodes[node]!.units, this.#first[node]);
  }

  /** The node that is looked at. */
  #add(node: number, layer: number): void {
    const touching = this.#touching[layer]!;
    const weight = this.#model.nodes[node]!.weight - this.#words.weightIn(touching.any);
    this.#count(node, layer, { sign: 1, weight });
    this.#grown[layer]! += weight;
    touching.add(this.#words);
    this.layers[node] = layer;
  }

  #count(node: number, layer: number, { sign, weight }: { sign: 1 | -1; weight: number }): void {
    this.pages[layer]! += sign * this.sizes[node]!;
    this.members[layer]! += sign;
    this.#weights[layer]! += sign * weight;
  }

  /**
   * Where the node that is looked at costs least.
   * @param from where it was, -1 for nowhere; a layer that is to be preferred to all that aren't strictly cheaper
   * @param alone the weight of what only it brings to that layer
   */
  #cheapest(
    node: number,
    { factor = 1, extra }: PlacingOptions,
    { from, alone }: { from: number; alone: number },
  ): number {
    const { weight } = this.#model.nodes[node]!;
    const size = this.sizes[node]!;
    const cost = (layer: number, added: number): number => {
      const [pages, touched] = [this.pages[layer]!, this.#weights[layer]!];
      return factor * (size * touched + (pages + size) * added) + (extra?.(node, layer) ?? 0);
    };
    const empty = this.members.indexOf(0);
    const row = node * this.#stride;
    let nearest = -1;
    for (let layer = 0; layer < this.available; layer++) {
      const isOpen = layer !== from && (this.members[layer]! > 0 || layer === empty);
      const common = Math.min(
        weight,
        this.#weights[layer]!,
        this.#common[row + layer]! + this.#grown[layer]!,
      );
      this.#bounds[layer] = isOpen ? cost(layer, weight - common) : NEVER;
      if (isOpen && (nearest < 0 || this.#bounds[layer]! < this.#bounds[nearest]!)) nearest = layer;
    }
    let found = from;
    let best = from < 0 ? NEVER : cost(from, alone);
    const offer = (layer: number): void => {
      // Whoever has less in common with it isn't better off there than at the best place so far. A quotient is rounded.
      const [pages, more] = [this.pages[layer]! + size, extra?.(node, layer) ?? 0];
      const spent = (best - more) / factor - size * this.#weights[layer]!;
      const atLeast = Math.floor(weight - spent / pages) - 1;
      const common = this.#words.weightInIf(this.#touching[layer]!.any, atLeast);
      if (this.#stride > 0) this.#common[row + layer] = common - this.#grown[layer]!;
      const offered = cost(layer, weight - common);
      if (offered < best || (offered === best && found !== from && layer < found)) {
        best = offered;
        found = layer;
      }
    };
    // First the one that may be the best by far, so that few others have to be looked at.
    if (nearest >= 0 && this.#bounds[nearest]! <= best) offer(nearest);
    for (let layer = 0; layer < this.available; layer++) {
      if (layer !== nearest && this.#bounds[layer]! <= best && this.#bounds[layer]! < NEVER) offer(layer);
    }
    return found;
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
