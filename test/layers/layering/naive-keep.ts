import type { ReferencesGraph } from "#graph";
import { type Layout, versionOf } from "#layering";

const PAGE = 4096;
const AHEAD = 30;
const SWEEPS = 4;

export interface NaiveInput {
  readonly graph: ReferencesGraph;
  readonly sizes: ReadonlyMap<string, number>;
  readonly keys: ReadonlyMap<string, string>;
  readonly available: number;
}

/** What docs/layering.md says of costs, of layers given as ids: nothing is remembered from one question to the next. */
export class Naive {
  readonly input: NaiveInput;

  constructor(input: NaiveInput) {
    this.input = input;
  }

  /** All that a change of which changes a component. */
  #units(id: string, seen = new Set<string>()): Set<string> {
    if (seen.has(id)) return seen;
    seen.add(id);
    for (const next of this.input.graph.components.get(id)!.references) this.#units(next, seen);
    return seen;
  }

  pages(ids: readonly string[]): number {
    return ids.reduce((sum, id) => sum + Math.max(1, Math.ceil((this.input.sizes.get(id) ?? 0) / PAGE)), 0);
  }

  cost(layers: readonly (readonly string[])[]): number {
    return layers.reduce((sum, ids) => {
      const units = new Set(ids.flatMap((id) => [...this.#units(id)]));
      return sum + this.pages(ids) * units.size;
    }, 0);
  }

  #isThere(ids: readonly string[], layer: ReadonlyMap<string, string> | undefined): boolean {
    const { keys, graph } = this.input;
    if (layer?.size !== ids.length) return false;
    return ids.every((id) => layer.get(keys.get(id)!) === versionOf(graph.components.get(id)!));
  }

  /** J: what the updates ahead send, and what this build sends, if a layer is there only at its own place. */
  #priceInPlace(layers: readonly (readonly string[])[], layout: Layout): number {
    const missing = layers.filter((ids, place) => !this.#isThere(ids, layout.layers[place]));
    return AHEAD * this.cost(layers) + this.input.graph.components.size * this.pages(missing.flat());
  }

  /** J of a whole plan, whose layers may be in any order. */
  price(layers: readonly (readonly string[])[], layout: Layout): number {
    const missing = layers.filter((ids) => !layout.layers.some((layer) => this.#isThere(ids, layer)));
    return AHEAD * this.cost(layers) + this.input.graph.components.size * this.pages(missing.flat());
  }

  #largestFirst(): string[] {
    const { keys } = this.input;
    return [...keys.keys()].sort(
      (a, b) => this.pages([b]) - this.pages([a]) || (keys.get(a)! < keys.get(b)! ? -1 : 1),
    );
  }

  /** The place where a component makes the price of all least: of equal ones the one it is in, else the lowest. */
  #place(layers: string[][], id: string, { layout, from }: { layout: Layout; from: number }): number {
    const prices = new Map<number, number>();
    const at = (place: number): number => {
      const known = prices.get(place);
      if (known !== undefined) return known;
      const price = this.#priceInPlace(
        layers.map((ids, number) => (number === place ? [...ids, id] : ids)),
        layout,
      );
      prices.set(place, price);
      return price;
    };
    const firstEmpty = layers.findIndex((ids) => ids.length === 0);
    let best = from;
    for (const [place, ids] of layers.entries()) {
      if (ids.length === 0 && place !== firstEmpty && place !== from) continue;
      if (best < 0 || at(place) < at(best)) best = place;
    }
    return best;
  }

  /** The layers that are kept, before they are put in order. */
  kept(layout: Layout): string[][] {
    const { keys, available } = this.input;
    const layers: string[][] = Array.from({ length: available }, () => []);
    const home = (id: string) => layout.layers.findIndex((layer) => layer.has(keys.get(id)!));
    for (const id of keys.keys()) layers[home(id)]?.push(id);
    for (const id of this.#largestFirst()) {
      if (home(id) < 0) layers[this.#place(layers, id, { layout, from: -1 })]!.push(id);
    }
    for (let sweep = 0; sweep < SWEEPS; sweep++) {
      for (const id of this.#largestFirst()) {
        const from = layers.findIndex((ids) => ids.includes(id));
        layers[from] = layers[from]!.filter((other) => other !== id);
        layers[this.#place(layers, id, { layout, from })]!.push(id);
      }
    }
    return layers.filter((ids) => ids.length > 0);
  }
}
