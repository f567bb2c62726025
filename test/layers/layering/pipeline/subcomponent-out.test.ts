import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("subcomponent_out takes the paths and all that they need, in the graph's order", () => {
  assert.deepEqual(layers(SHOP, ["subcomponent_out", ["two"]]), [
    ["libc", "lib", "two"],
    ["own", "one", "other", "solo"],
  ]);
  assert.deepEqual(layers(SHOP, ["subcomponent_out", ["two", "solo"]]), [
    ["libc", "lib", "two", "solo"],
    ["own", "one", "other"],
  ]);
});

test("both parts are there even if one has no component, and no layer comes of it", () => {
  const both = [
    ["over", "main", ["remove_paths", []]],
    ["over", "rest", ["remove_paths", []]],
  ];
  assert.deepEqual(layers(SHOP, ["subcomponent_out", ["none"]], ...both), [Object.keys(SHOP)]);
  assert.deepEqual(layers(SHOP, ["subcomponent_out", Object.keys(SHOP)], ...both), [Object.keys(SHOP)]);
  assert.throws(() => layers(SHOP, ["subcomponent_out", "two"]), {
    message: /must be written \["subcomponent_out", PATHS\]/,
  });
});
