import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("remove_paths leaves components out, with what refers to them kept", () => {
  assert.deepEqual(layers(SHOP, ["remove_paths", ["libc", "one", "nothing"]]), [
    ["lib", "own", "two", "other", "solo"],
  ]);
  assert.deepEqual(layers(SHOP, ["remove_paths", "libc"]), [["lib", "own", "one", "two", "other", "solo"]]);
  assert.deepEqual(layers(SHOP, ["remove_paths", []]), [Object.keys(SHOP)]);
  assert.throws(() => layers(SHOP, ["remove_paths", [1]]), { code: "INVALID_PIPELINE" });
});

test("what is left of a graph no longer refers to what was removed", () => {
  assert.deepEqual(layers(SHOP, ["remove_paths", ["lib"]], ["subcomponent_out", ["two"]])[0], ["two"]);
});
