import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("over changes one value of a dict and leaves the others as they are, in their places", () => {
  assert.deepEqual(layers(SHOP, ["subcomponent_out", ["two"]], ["over", "main", ["split_every", 2]]), [
    ["libc", "lib"],
    ["two"],
    ["own", "one", "other", "solo"],
  ]);
});

test("over names what there is if it doesn't find its own", () => {
  assert.throws(() => layers(SHOP, ["split_paths", ["nothing"]], ["over", "main", ["flatten"]]), {
    code: "INVALID_PIPELINE",
    message: 'the layering pipeline, step 2, "over", looks for "main" in a dict that has only "rest"',
  });
  assert.throws(() => layers(SHOP, ["over", "main", ["flatten"]]), {
    message: /needs a dict, as .* but gets a graph/,
  });
  assert.throws(() => layers(SHOP, ["over", "main"]), {
    message: /must be written \["over", NAME, OPERATION\]/,
  });
  assert.throws(() => layers(SHOP, ["over", 1, ["flatten"]]), { code: "INVALID_PIPELINE" });
});
