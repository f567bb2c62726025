import assert from "node:assert/strict";
import { test } from "node:test";
import { layerBudget } from "#layering";

test("the base image's layers and one customisation layer are taken off first", () => {
  assert.deepEqual(layerBudget(), { maxLayers: 100, usedLayers: 1, available: 99 });
  assert.deepEqual(layerBudget({ maxLayers: 4, baseLayers: 2 }), {
    maxLayers: 4,
    usedLayers: 3,
    available: 1,
  });
  assert.deepEqual(layerBudget({ maxLayers: 2 }), { maxLayers: 2, usedLayers: 1, available: 1 });
});

test("a budget that leaves no layer fails in nixpkgs' words", () => {
  for (const [maxLayers, baseLayers] of [
    [4, 3],
    [4, 9],
    [2, 1],
  ] as const) {
    assert.throws(() => layerBudget({ maxLayers, baseLayers }), {
      code: "NO_LAYERS_LEFT",
      message: `usedLayers ${baseLayers + 1} layers to store 'fromImage' and 'extraCommands', but only maxLayers=${maxLayers} were allowed. At least 1 layer is required to store contents.`,
    });
  }
});

test("maxLayers must be an integer over 1", () => {
  for (const maxLayers of [1, 0, -3, 2.5, Number.NaN, Number.POSITIVE_INFINITY]) {
    assert.throws(() => layerBudget({ maxLayers }), {
      code: "USAGE",
      message: /maxLayers is .* integer over 1/,
    });
  }
});
