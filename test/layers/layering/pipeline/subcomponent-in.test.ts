import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("subcomponent_in takes the paths and all that needs them, in the graph's order", () => {
  assert.deepEqual(layers(SHOP, ["subcomponent_in", ["own"]]), [
    ["own", "one"],
    ["libc", "lib", "two", "other", "solo"],
  ]);
  assert.deepEqual(layers(SHOP, ["subcomponent_in", ["lib", "solo"]]), [
    ["lib", "one", "two", "other", "solo"],
    ["libc", "own"],
  ]);
  assert.deepEqual(layers(SHOP, ["subcomponent_in", ["none"]]), [Object.keys(SHOP)]);
});
