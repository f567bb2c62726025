/**
 * The strategy that keeps updates as small as it can.
 *
 * What an update sends is, for each layer, its size times how often anything in it changes. Where a change doesn't spread, as among
 * npm packages, the best grouping is known: see `contiguous.ts`. Where it does, as in a store, leaders' groups are where it begins.
 */
import { orderLayers } from "../layer-order.ts";
import { leaderLayers } from "../leader.ts";
import type { PlanInput, Strategy } from "../plan.ts";
import { idsOf, layersOfGroups, type ModelNode, type UpdateModel, updateModel } from "../update-model.ts";
import { withBlocks } from "./blocks.ts";
import { contiguous, LAYER_PRICE } from "./contiguous.ts";
import { checkExact, groupingOf } from "./grouping.ts";
import { settle } from "./settle.ts";

/** The strategy that is taken unless another is asked for: docs/layering.md. */
export const steady: Strategy = strategy(start);

/**
 * The same for the first of a series of builds, each of which keeps to the layout of the one before: it is searched longer. Without a layout
 * to keep to, that would make plans of consecutive versions less alike, which costs more than it saves.
 */
export const steadyForSeries: Strategy = strategy((model, input) => {
  const isNpm = input.graph.kind === "npm";
  const movable = isNpm ? withBlocks(model) : model;
  const grouping = groupingOf(start(movable, input), { model: movable, available: input.available });
  const price = isNpm ? LAYER_PRICE * model.weights.total : 0;
  settle(grouping, { extra: (_, layer) => (grouping.members[layer] === 0 ? price : 0) });
  return grouping.toGroups();
});

function strategy(group: (model: UpdateModel, input: PlanInput) => ModelNode[][]): Strategy {
  return {
    name: "steady",
    plan(input) {
      const model = updateModel(input);
      checkExact(model, 1);
      const groups = group(model, input).map((nodes) => nodes.flatMap(({ ids }) => ids));
      const layers = layersOfGroups(groups, model);
      return orderLayers(layers, model).map((layer) => idsOf(layer, model));
    },
  };
}

function start(model: UpdateModel, { graph, available }: PlanInput): ModelNode[][] {
  if (graph.kind === "npm") return contiguous(model, available);
  if (model.nodes.length <= available) return model.nodes.map((node) => [node]);
  return leaderLayers(model, available).map(({ nodes }) => [...nodes]);
}
