import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("map does an operation on each value of a list", () => {
  assert.deepEqual(layers(SHOP, ["split_every", 4], ["map", ["remove_paths", ["lib", "two"]]]), [
    ["libc", "own", "one"],
    ["other", "solo"],
  ]);
  assert.throws(() => layers(SHOP, ["map", ["flatten"]]), {
    code: "INVALID_PIPELINE",
    message: 'the layering pipeline, step 1, "map", needs a list, but gets a graph',
  });
});
