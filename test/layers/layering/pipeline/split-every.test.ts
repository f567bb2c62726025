import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("split_every cuts a graph into parts of N components, the smallest components first", () => {
  assert.deepEqual(layers(SHOP, ["split_every", 3]), [
    ["libc", "lib", "own"],
    ["one", "two", "other"],
    ["solo"],
  ]);
  assert.deepEqual(layers(SHOP, ["split_every", 100]), [Object.keys(SHOP)]);
  assert.deepEqual(layers({}, ["split_every", 1]), []);
  assert.throws(() => layers(SHOP, ["split_every", 0]), { code: "INVALID_PIPELINE" });
  assert.throws(() => layers(SHOP, ["split_every", 1], ["split_every", 1]), {
    message: /needs a graph, but gets a list$/,
  });
});
