import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("reorder puts a dict's values into another order, and those not named last", () => {
  const split = ["split_paths", ["one"]];
  const [main, common, rest] = [
    ["own", "one"],
    ["libc", "lib"],
    ["two", "other", "solo"],
  ];
  assert.deepEqual(layers(SHOP, split), [main, common, rest]);
  assert.deepEqual(layers(SHOP, split, ["reorder", ["rest", "common", "main"]]), [rest, common, main]);
  assert.deepEqual(layers(SHOP, split, ["reorder", ["rest", "none"]]), [rest, main, common]);
  assert.deepEqual(layers(SHOP, ["reorder", ["rest"]]), [Object.keys(SHOP)]);
});
