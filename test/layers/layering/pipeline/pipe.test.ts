import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("pipe does operations one after the other, as one", () => {
  const inner = [["popularity_contest"], ["reverse"]];
  assert.deepEqual(layers(SHOP, ["pipe", inner]), layers(SHOP, ...inner));
  assert.deepEqual(layers(SHOP, ["pipe", []]), [Object.keys(SHOP)]);
});

test("an error within says where", () => {
  assert.throws(() => layers(SHOP, ["flatten"], ["pipe", [["reverse"], ["what"]]]), {
    code: "INVALID_PIPELINE",
    message:
      /^the layering pipeline, step 2, "pipe", step 2, names an operation "what", but there are only flatten,/,
  });
  assert.throws(() => layers(SHOP, ["pipe", "flatten"]), { message: /must be written \["pipe"/ });
});

test("a pipeline that is nested without end is refused", () => {
  let steps: unknown[] = [];
  for (let depth = 0; depth < 100_000; depth++) steps = [["pipe", steps]];
  assert.throws(() => layers(SHOP, ...steps), { code: "INVALID_PIPELINE", message: /nested too deeply$/ });
});
