import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("flatten makes one list of what is nested, in its order", () => {
  const nested = [
    ["subcomponent_out", ["one"]],
    ["over", "main", ["split_every", 3]],
  ];
  const flat = [["libc", "lib", "own"], ["one"], ["two", "other", "solo"]];
  assert.deepEqual(layers(SHOP, ...nested, ["flatten"]), flat);
  // After it, there is a list to be limited.
  assert.deepEqual(layers(SHOP, ...nested, ["flatten"], ["limit_layers", 2]), [
    flat[0],
    flat.slice(1).flat(),
  ]);
  assert.throws(() => layers(SHOP, ...nested, ["limit_layers", 2]), { code: "INVALID_PIPELINE" });
});
