import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { layerBudget, planLayers, popularity, popularityContest } from "#layering";
import { anyReferences, graphOf, type References } from "./graphs.ts";

const plan = (references: References, available: number) =>
  planLayers(graphOf(references), popularity, layerBudget({ maxLayers: available + 1 })).groups;

const CHAIN: References = { a: ["b"], b: ["c"], c: ["d"], d: [] };

test("each component has its own layer, until the last layer takes all that remain in order", () => {
  assert.deepEqual(plan(CHAIN, 1), [["d", "c", "b", "a"]]);
  assert.deepEqual(plan(CHAIN, 2), [["d"], ["c", "b", "a"]]);
  assert.deepEqual(plan(CHAIN, 3), [["d"], ["c"], ["b", "a"]]);
  assert.deepEqual(plan(CHAIN, 4), [["d"], ["c"], ["b"], ["a"]]);
  assert.deepEqual(plan(CHAIN, 5), [["d"], ["c"], ["b"], ["a"]]);
});

test("one component is one layer and no component is none", () => {
  assert.deepEqual(plan({ a: [] }, 3), [["a"]]);
  assert.deepEqual(plan({}, 1), []);
  assert.deepEqual(plan({}, 3), []);
});

test("a cycle shares a layer and takes one from the budget", () => {
  const references = { root: ["x-a"], "x-a": ["x-b"], "x-b": ["x-a", "d"], d: [] };
  assert.deepEqual(plan(references, 3), [["d"], ["x-a", "x-b"], ["root"]]);
  assert.deepEqual(plan(references, 2), [["d"], ["x-a", "x-b", "root"]]);
});

test("whatever the graph, each component is in one group, none is empty, and there are as many as fit", () => {
  fc.assert(
    fc.property(anyReferences, fc.integer({ min: 1, max: 12 }), (references, available) => {
      const groups = plan(references, available);
      const contest = popularityContest(graphOf(references));
      assert.equal(groups.length, Math.min(available, contest.length));
      assert.ok(groups.every((group) => group.length > 0));
      assert.deepEqual(
        groups.flat(),
        contest.flatMap(({ ids }) => ids),
      );
      assert.deepEqual(groups.flat().sort(), Object.keys(references).sort());
    }),
  );
});
