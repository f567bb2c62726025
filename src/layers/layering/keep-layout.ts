/**
 * Plans with the layout of the last build: components that shared a layer stay together, and new ones are added among them,
 * so that as little as possible has to be sent now. Once the plan has become so much worse than a fresh one that sending
 * more now pays off soon, the fresh plan is used.
 */
import { compareNames } from "#util";
import { versionOf } from "./key.ts";
import { orderLayers } from "./layer-order.ts";
import type { Layout } from "./layout.ts";
import type { PlanInput, Strategy } from "./plan.ts";
import {
  idsOf,
  layerOf,
  type ModelLayer,
  type ModelNode,
  type UpdateModel,
  updateCost,
  updateModel,
} from "./update-model.ts";

/** How many updates are looked ahead: what a fresh plan saves in that many updates may be sent now. */
const UPDATES_AHEAD = 20n;

/** If more layers than this would have to be merged, the new build has too little in common with the last one. */
const MAX_TO_MERGE = 1000;

/** A strategy that keeps to `layout` as long as that is worth it, and otherwise does what `fresh` does. */
export function keepLayout(layout: Layout, fresh: Strategy): Strategy {
  return { name: fresh.name, plan: (input) => planWith(layout, fresh, input) };
}

function planWith(layout: Layout, fresh: Strategy, input: PlanInput): string[][] {
  const model = updateModel(input);
  const freshGroups = fresh.plan(input);
  const starting = startingGroups(layout, model);
  if (starting.length > Math.max(MAX_TO_MERGE, input.available)) return freshGroups;

  const last = new LastBuild(layout, input, model);
  const kept = merge(starting, { model, last, available: input.available });
  const anew = layersOfGroups(freshGroups, model);
  const saving = UPDATES_AHEAD * (updateCost(kept) - updateCost(anew));
  const price = BigInt(last.bytesToSend(anew) - last.bytesToSend(kept)) * BigInt(model.weights.total);
  if (saving > price) return freshGroups;
  return orderLayers(kept, model).map((layer) => idsOf(layer, model));
}

/** The last build's groups with those members that still exist, and a group of its own for each new node. */
function startingGroups({ layers }: Layout, { nodes, keys }: UpdateModel): ModelNode[][] {
  const layerOfKey = new Map(
    layers.flatMap((layer, at) => [...layer.keys()].map((key) => [key, at] as const)),
  );
  const groups: ModelNode[][] = layers.map(() => []);
  for (const node of nodes) {
    // The members of a cycle stay together, with the first of them that was there before.
    const at = node.ids.map((id) => layerOfKey.get(keys.get(id)!)).find((found) => found !== undefined);
    if (at === undefined) groups.push([node]);
    else groups[at]!.push(node);
  }
  return groups.filter((group) => group.length > 0);
}

function layersOfGroups(groups: readonly (readonly string[])[], model: UpdateModel): ModelLayer[] {
  const nodeOf = new Map(model.nodes.flatMap((node) => node.ids.map((id) => [id, node] as const)));
  return groups.map((ids) => layerOf([...new Set(ids.map((id) => nodeOf.get(id)!))], model));
}

/** What of the last build exists already. */
class LastBuild {
  readonly #layers: ReadonlySet<string>;
  readonly #graph: PlanInput["graph"];
  readonly #model: UpdateModel;

  constructor({ layers }: Layout, { graph }: PlanInput, model: UpdateModel) {
    this.#graph = graph;
    this.#model = model;
    const known = layers.filter((layer) => ![...layer.values()].includes(""));
    this.#layers = new Set(known.map((layer) => signature([...layer])));
  }

  /** Whether the last build had this layer, with the same components in the same versions. */
  has(layer: ModelLayer): boolean {
    const entries = layer.nodes
      .flatMap(({ ids }) => ids)
      .map((id) => [this.#model.keys.get(id)!, versionOf(this.#graph.components.get(id)!)] as const);
    return this.#layers.has(signature(entries));
  }

  /** How many bytes of these layers the last build didn't have. */
  bytesToSend(layers: readonly ModelLayer[]): number {
    return layers.reduce((sum, layer) => sum + (this.has(layer) ? 0 : layer.bytes), 0);
  }
}

function signature(entries: readonly (readonly [string, string])[]): string {
  return JSON.stringify([...entries].sort(([a], [b]) => compareNames(a, b)));
}

interface MergeOptions {
  readonly model: UpdateModel;
  readonly last: LastBuild;
  readonly available: number;
}

/** A layer that may still be merged, with the cost of merging it with each of those after it in the list. */
interface Candidate {
  readonly layer: ModelLayer;
  /** Bytes that needn't be sent if the layer stays as it is. */
  readonly spared: bigint;
}

/**
 * Merges layers until no more than `available` are left, each time the two whose merging costs least. The cost is what both
 * would send needlessly in the updates ahead, plus what has to be sent now of a layer that hadn't changed. So layers
 * that have changed anyway are merged first.
 */
function merge(groups: readonly ModelNode[][], { model, last, available }: MergeOptions): ModelLayer[] {
  const candidate = (nodes: readonly ModelNode[]): Candidate => {
    const layer = layerOf(nodes, model);
    return { layer, spared: last.has(layer) ? BigInt(layer.bytes) : 0n };
  };
  const total = BigInt(model.weights.total);
  const price = (a: Candidate, b: Candidate): bigint => {
    const common = model.weights.sharedWith(a.layer.units)(b.layer.units);
    const more =
      BigInt(a.layer.bytes) * BigInt(b.layer.weight - common) +
      BigInt(b.layer.bytes) * BigInt(a.layer.weight - common);
    return UPDATES_AHEAD * more + (a.spared + b.spared) * total;
  };

  const candidates = groups.map(candidate).sort((a, b) => compareNames(firstKey(a), firstKey(b)));
  const cheapest: (Offer | undefined)[] = [];
  /** The best partner for the candidate at `at` among those after it. */
  const seek = (at: number): Offer | undefined => {
    let best: Offer | undefined;
    for (let other = at + 1; other < candidates.length; other++) {
      const offer = { partner: candidates[other]!, price: price(candidates[at]!, candidates[other]!) };
      if (best === undefined || offer.price < best.price) best = offer;
    }
    return best;
  };
  if (candidates.length > available) for (const at of candidates.keys()) cheapest[at] = seek(at);
  while (candidates.length > available) {
    let first = 0;
    for (let at = 1; at < candidates.length - 1; at++) {
      if (cheapest[at]!.price < cheapest[first]!.price) first = at;
    }
    const gone = [candidates[first]!, cheapest[first]!.partner];
    // It takes the place of the first, whose key is the smaller one, so the order of keys stays.
    const merged = candidate(gone.flatMap(({ layer }) => layer.nodes));
    const second = candidates.indexOf(gone[1]!);
    candidates[first] = merged;
    candidates.splice(second, 1);
    cheapest.splice(second, 1);
    for (const [at, found] of candidates.entries()) {
      const offer = cheapest[at];
      if (at === first || (offer !== undefined && gone.includes(offer.partner))) cheapest[at] = seek(at);
      else if (at < first) {
        const offered = price(found, merged);
        const isBetter = offer === undefined || offered < offer.price;
        // Among equals the first one is taken, so that the result doesn't depend on earlier steps.
        if (isBetter || (offered === offer.price && first < candidates.indexOf(offer.partner))) {
          cheapest[at] = { partner: merged, price: offered };
        }
      }
    }
  }
  return candidates.map(({ layer }) => layer);
}

interface Offer {
  readonly partner: Candidate;
  readonly price: bigint;
}

function firstKey({ layer }: Candidate): string {
  return layer.nodes[0]!.key;
}
