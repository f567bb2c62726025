/**
 * Plans with the layout of the last build: components that shared a layer stay together, new ones go where they cost least, and
 * single ones move if that pays off soon. Once a fresh plan is so much better that sending more now pays off soon, it is used.
 */
import { compareNames } from "#util";
import { orderLayers } from "../layer-order.ts";
import { type Layout, nameIn } from "../layout.ts";
import type { PlanInput, Strategy } from "../plan.ts";
import { orderByChange } from "../project-layers.ts";
import { LAYER_PRICE } from "../steady/contiguous.ts";
import { checkExact, Grouping, pagesOf, pagesOfAll } from "../steady/grouping.ts";
import { settle } from "../steady/settle.ts";
import {
  idsOf,
  layerOf,
  layersOfGroups,
  type ModelLayer,
  type ModelNode,
  type UpdateModel,
  updateModel,
} from "../update-model.ts";
import { LastLayers } from "./last-layers.ts";

/** How many updates are looked ahead: what a better plan saves in that many updates may be sent now. */
const UPDATES_AHEAD = 30;

/** A strategy that keeps to `layout` as long as that is worth it, and otherwise does what `fresh` does. */
export function keepLayout(layout: Layout, fresh: Strategy): Strategy {
  return { name: fresh.name, keepsOrder: true, plan: (input) => planWith(layout, fresh, input) };
}

function planWith(whole: Layout, fresh: Strategy, input: PlanInput): string[][] {
  const { graph, available } = input;
  const model = updateModel(input);
  const isProject = graph.kind === "npm";
  const layout = isProject ? ofPackages(whole) : whole;
  const given = { model, graph, available, price: isProject ? LAYER_PRICE : 0 };
  checkExact(model, UPDATES_AHEAD + 1);
  const last = new LastLayers(layout, given);
  const layersOf = (groups: readonly (readonly ModelNode[])[]): ModelLayer[] =>
    groups.map((nodes) => layerOf(nodes, model));
  const ordered = (layers: readonly ModelLayer[]): string[][] => {
    const inOrder = isProject ? lastOrder(layers, layout, model) : orderLayers(layers, model);
    return inOrder.map((layer) => idsOf(layer, model));
  };
  if (last.isUnchanged && layout.layers.length <= available) return ordered(layersOf(last.groups()));
  // What the updates ahead send, and what this build sends.
  const { total } = model.weights;
  const price = (layers: readonly ModelLayer[]): number => {
    const cost = layers.reduce((sum, { nodes, weight }) => sum + pagesOfAll(nodes) * weight, 0);
    return UPDATES_AHEAD * (cost + given.price * total * layers.length) + total * last.pagesToSend(layers);
  };
  const kept = layersOf(keptGroups(trimmed(layout, last, given), given));
  const freshIds = fresh.plan(input);
  if (price(layersOfGroups(freshIds, model)) >= price(kept)) return ordered(kept);
  return isProject ? orderByChange(freshIds, input) : freshIds;
}

/**
 * The order that the layers had. What the classic Docker Engine has of them it has with all layers below, so each
 * that changes its place costs those above it; what is new comes last.
 */
function lastOrder(kept: readonly ModelLayer[], layout: Layout, { keys }: UpdateModel): ModelLayer[] {
  const { layers } = layout;
  const placeOf = new Map(layers.flatMap((layer, at) => [...layer.keys()].map((key) => [key, at] as const)));
  const place = ({ nodes }: ModelLayer): number =>
    Math.min(
      ...nodes.flatMap(({ ids }) =>
        ids.map((id) => placeOf.get(nameIn(layout, keys.get(id)!)) ?? Number.POSITIVE_INFINITY),
      ),
    );
  return kept
    .map((layer) => ({ layer, at: place(layer), key: layer.nodes[0]!.key }))
    .sort((a, b) => (a.at === b.at ? compareNames(a.key, b.key) : a.at - b.at))
    .map(({ layer }) => layer);
}

/** The layout without a project's own files and its workspace's, which aren't shared out. */
function ofPackages(layout: Layout): Layout {
  return withLayers(layout, (layer) => [...layer.values()].some((version) => version !== ""));
}

function withLayers(
  { layers, hashes }: Layout,
  isWanted: (layer: ReadonlyMap<string, string>, at: number) => boolean,
): Layout {
  const wanted = (_: unknown, at: number): boolean => isWanted(layers[at]!, at);
  return { layers: layers.filter(wanted), ...(hashes !== undefined && { hashes: hashes.filter(wanted) }) };
}

interface KeepOptions extends Pick<PlanInput, "graph" | "available"> {
  readonly model: UpdateModel;
  /** The pages that a layer has to save an update to be worth having. */
  readonly price: number;
}

/** The layout without those layers for which there is no room any more: the smallest. */
function trimmed(
  layout: Layout,
  { homes }: LastLayers,
  { model, available }: Pick<KeepOptions, "model" | "available">,
): Layout {
  if (layout.layers.length <= available) return layout;
  const pages = layout.layers.map(() => 0);
  for (const [node, layer] of homes) pages[layer]! += pagesOf(model.nodes[node]!);
  const largest = [...pages.keys()].sort((a, b) => pages[b]! - pages[a]! || a - b);
  const kept = new Set(largest.slice(0, available));
  return withLayers(layout, (_, layer) => kept.has(layer));
}

/** The groups of a layout that has no more of them than there may be, after whatever pays off has moved. */
function keptGroups(layout: Layout, { model, graph, available, price }: KeepOptions): ModelNode[][] {
  const last = new LastLayers(layout, { graph, model });
  const grouping = new Grouping(model, available);
  const { total } = model.weights;
  /** What has to be sent now because of a node's place, beside what updates send. */
  const extra = (node: number, layer: number): number => {
    const [pages, size] = [grouping.pages[layer]!, grouping.sizes[node]!];
    const alone = grouping.members[layer] === 0 ? UPDATES_AHEAD * price : 0;
    if (last.isThere(layer)) return total * (pages + size);
    return total * (alone + (last.wouldBeThere(layer, node) ? -pages : size));
  };
  const put = (node: number, layer: number): void => {
    grouping.add(node, layer);
    last.add(node, layer);
  };
  for (const [node, layer] of last.homes) put(node, layer);
  const placing = { factor: UPDATES_AHEAD, extra };
  for (const node of grouping.largestFirst()) {
    if (grouping.layers[node] === -1) put(node, grouping.cheapest(node, placing));
  }
  settle(grouping, {
    ...placing,
    onTaken: (node, layer) => last.remove(node, layer),
    onPut: (node, layer) => last.add(node, layer),
  });
  return grouping.toGroups();
}
