import type { Strategy } from "./plan.ts";
import { idsOf, largestFirst, layerOf, updateModel } from "./update-model.ts";

/** The largest components get a layer each, the largest first; the last layer has all others. */
export const largest: Strategy = {
  name: "largest",
  plan({ available, ...input }) {
    const model = updateModel(input);
    const nodes = [...model.nodes].sort(largestFirst);
    const alone = nodes.slice(0, available - 1).map((node) => [node]);
    const together = nodes.slice(available - 1);
    const groups = together.length === 0 ? alone : [...alone, together];
    return groups.map((group) => idsOf(layerOf(group, model), model));
  },
};
