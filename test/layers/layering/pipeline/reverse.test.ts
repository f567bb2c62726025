import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("reverse turns a list around, and no graph", () => {
  assert.deepEqual(layers(SHOP, ["split_every", 3], ["reverse"]), [
    ["solo"],
    ["one", "two", "other"],
    ["libc", "lib", "own"],
  ]);
  assert.throws(() => layers(SHOP, ["reverse"]), { message: /"reverse", needs a list, but gets a graph$/ });
});
