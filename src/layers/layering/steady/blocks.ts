/** What always changes together as one: a search that moves single nodes can't move it, since a part of it is worth nothing. */
import { forEachUnit } from "../unit-sets.ts";
import type { ModelNode, UpdateModel } from "../update-model.ts";
import { PAGE, pagesOfAll } from "./grouping.ts";

/** The same model with nodes that the same units change made one, with as many pages as they have together. */
export function withBlocks(model: UpdateModel): UpdateModel {
  const blocks = Map.groupBy(model.nodes, ({ units }) => {
    const numbers: number[] = [];
    forEachUnit(units, (unit) => numbers.push(unit));
    return numbers.join();
  });
  const nodes = [...blocks.values()].map(
    (members): ModelNode => ({
      ...members[0]!,
      ids: members.flatMap(({ ids }) => ids),
      bytes: pagesOfAll(members) * PAGE,
    }),
  );
  // In the order of keys: that of a block is the smallest, and groups stand in the order of their first members.
  return { ...model, nodes };
}
