import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("split_paths tells what only the paths need from what others need, too", () => {
  assert.deepEqual(layers(SHOP, ["split_paths", ["one"]]), [
    ["own", "one"],
    ["libc", "lib"],
    ["two", "other", "solo"],
  ]);
  assert.deepEqual(layers(SHOP, ["split_paths", ["lib"]]), [
    ["lib"],
    ["libc"],
    ["own", "one", "two", "other", "solo"],
  ]);
});

test("parts without components aren't there", () => {
  const main = ["over", "main", ["flatten"]];
  assert.deepEqual(layers(SHOP, ["split_paths", ["other"]]), [
    ["other", "solo"],
    ["libc", "lib", "own", "one", "two"],
  ]);
  assert.deepEqual(layers(SHOP, ["split_paths", ["none"]]), [Object.keys(SHOP)]);
  assert.throws(() => layers(SHOP, ["split_paths", []], main), { message: /has only "rest"/ });
  assert.throws(() => layers({}, ["split_paths", ["a"]], main), { message: /has only "rest"/ });
});

test("a path that is the only root takes all", () => {
  const references = { root: ["a", "b"], a: ["b"], b: [] };
  assert.deepEqual(layers(references, ["split_paths", ["root", "a"]], ["reorder", ["rest", "common"]]), [
    ["root", "a", "b"],
  ]);
  // And keeps its references.
  const contest = ["over", "main", ["popularity_contest"]];
  assert.deepEqual(layers(references, ["split_paths", ["root", "a"]], contest), [["b"], ["a"], ["root"]]);
});

test("references to the paths are gone from the parts", () => {
  // With its reference, a would be more popular than e, which is more popular than c only by its name.
  const references = { root: ["b"], b: ["a"], a: [], top: ["b"] };
  const contest = ["over", "main", ["popularity_contest"]];
  assert.deepEqual(layers(references, ["split_paths", ["b", "a"]], contest), [["a"], ["b"], ["root", "top"]]);
  const z = { root: ["b"], b: ["z"], z: [], top: ["b"] };
  assert.deepEqual(layers(z, ["split_paths", ["b", "z"]], contest), [["b"], ["z"], ["root", "top"]]);
  assert.deepEqual(layers(z, ["split_paths", ["b"]], contest), [["z"], ["b"], ["root", "top"]]);
});

test("children_of stands for all that some components refer to", () => {
  const expected = [
    ["libc", "lib", "own"],
    ["one", "two", "other", "solo"],
  ];
  assert.deepEqual(layers(SHOP, ["split_paths", [{ children_of: "one" }]]), expected);
  assert.deepEqual(layers(SHOP, ["split_paths", [{ children_of: ["one", "two", "none"] }]]), expected);
  for (const spec of [{}, { children_of: 1 }, { childrenOf: "one" }, { children_of: "one", x: 1 }, 1, null]) {
    assert.throws(() => layers(SHOP, ["split_paths", [spec]]), { code: "INVALID_PIPELINE" });
  }
});

test("nothing of a graph of cycles is lost", () => {
  const references = { a: ["b"], b: ["a", "c"], c: ["d"], d: ["c"] };
  assert.deepEqual(layers(references, ["split_paths", ["c"]]), [
    ["c", "d"],
    ["a", "b"],
  ]);
  assert.deepEqual(layers(references, ["split_paths", ["a"]]), [["a", "b", "c", "d"]]);
});
