/**
 * Plans with the layout of the last build: components that shared a layer stay together, new ones go where they cost least, and
 * single ones move if that pays off soon. Once a fresh plan is so much better that sending more now pays off soon, it is used.
 */
import { orderLayers } from "../layer-order.ts";
import type { Layout } from "../layout.ts";
import type { PlanInput, Strategy } from "../plan.ts";
import { checkExact, Grouping, groupingOf, pagesOf } from "../steady/grouping.ts";
import { settle } from "../steady/settle.ts";
import { idsOf, layerOf, type ModelNode, type UpdateModel, updateModel } from "../update-model.ts";
import { LastLayers } from "./last-layers.ts";

/** How many updates are looked ahead: what a better plan saves in that many updates may be sent now. */
const UPDATES_AHEAD = 30;

/** A strategy that keeps to `layout` as long as that is worth it, and otherwise does what `fresh` does. */
export function keepLayout(layout: Layout, fresh: Strategy): Strategy {
  return { name: fresh.name, plan: (input) => planWith(layout, fresh, input) };
}

function planWith(layout: Layout, fresh: Strategy, input: PlanInput): string[][] {
  const { graph, available } = input;
  const model = updateModel(input);
  checkExact(model, UPDATES_AHEAD + 1);
  const last = new LastLayers(layout, { graph, model });
  // What the updates ahead send, and what this build sends.
  const price = (groups: readonly (readonly ModelNode[])[]): number =>
    UPDATES_AHEAD * groupingOf(groups, { model, available }).cost() +
    model.weights.total * last.pagesToSend(groups);
  const ordered = (groups: readonly (readonly ModelNode[])[]): string[][] => {
    const layers = groups.map((nodes) => layerOf(nodes, model));
    return orderLayers(layers, model).map((layer) => idsOf(layer, model));
  };
  if (last.isUnchanged && layout.layers.length <= available) return ordered(last.groups());
  const kept = keptGroups(trimmed(layout, { model, graph, available }), { model, graph, available });
  const freshIds = fresh.plan(input);
  return price(groupsOf(freshIds, model)) < price(kept) ? freshIds : ordered(kept);
}

function groupsOf(groups: readonly (readonly string[])[], model: UpdateModel): ModelNode[][] {
  const nodeOf = new Map(model.nodes.flatMap((node) => node.ids.map((id) => [id, node] as const)));
  return groups.map((ids) => [...new Set(ids.map((id) => nodeOf.get(id)!))]);
}

interface KeepOptions extends Pick<PlanInput, "graph" | "available"> {
  readonly model: UpdateModel;
}

/** The layout without those layers for which there is no room any more: the smallest. */
function trimmed(layout: Layout, { model, graph, available }: KeepOptions): Layout {
  if (layout.layers.length <= available) return layout;
  const { homes } = new LastLayers(layout, { graph, model });
  const pages = layout.layers.map(() => 0);
  for (const [node, layer] of homes) pages[layer]! += pagesOf(model.nodes[node]!);
  const largest = [...pages.keys()].sort((a, b) => pages[b]! - pages[a]! || a - b);
  const kept = new Set(largest.slice(0, available));
  return { layers: layout.layers.filter((_, layer) => kept.has(layer)) };
}

/** The groups of a layout that has no more of them than there may be, after whatever pays off has moved. */
function keptGroups(layout: Layout, { model, graph, available }: KeepOptions): ModelNode[][] {
  const last = new LastLayers(layout, { graph, model });
  const grouping = new Grouping(model, available);
  const { total } = model.weights;
  /** What has to be sent now because of a node's place, beside what updates send. */
  const extra = (node: number, layer: number): number => {
    const [pages, size] = [grouping.pages[layer]!, grouping.sizes[node]!];
    if (last.isThere(layer)) return total * (pages + size);
    return total * (last.wouldBeThere(layer, node) ? -pages : size);
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
