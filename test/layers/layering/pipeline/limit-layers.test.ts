import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("limit_layers joins all from the last layer on, in their order", () => {
  const one = (id: string) => [id];
  const all = Object.keys(SHOP);
  assert.deepEqual(layers(SHOP, ["split_every", 1], ["limit_layers", 3]), [["libc"], ["lib"], all.slice(2)]);
  assert.deepEqual(layers(SHOP, ["split_every", 1], ["limit_layers", 1]), [all]);
  assert.deepEqual(layers(SHOP, ["split_every", 1], ["limit_layers", 7]), all.map(one));
  assert.deepEqual(layers(SHOP, ["split_every", 1], ["limit_layers", 8]), all.map(one));
  assert.deepEqual(layers({}, ["split_every", 1], ["limit_layers", 2]), []);
});

test("a graph that was joined has the references that its parts had, and none between them", () => {
  // Were there one from b to a, the contest would put a first; c refers to b within its part.
  const references = { b: ["a"], a: [], c: ["d"], d: [] };
  const joined = [
    ["split_every", 2],
    ["limit_layers", 1],
    ["map", ["popularity_contest"]],
  ];
  assert.deepEqual(layers(references, ...joined), [["a"], ["d"], ["b"], ["c"]]);
  const single = [
    ["split_every", 1],
    ["limit_layers", 1],
    ["map", ["popularity_contest"]],
  ];
  assert.deepEqual(layers(references, ...single), [["a"], ["b"], ["c"], ["d"]]);
});

test("limit_layers takes a whole number of 1 or more", () => {
  for (const count of [0, -1, 1.5, "3", null]) {
    assert.throws(() => layers(SHOP, ["limit_layers", count]), {
      code: "INVALID_PIPELINE",
      message: /step 1, "limit_layers", must be written \["limit_layers", N\] with a whole number/,
    });
  }
});
