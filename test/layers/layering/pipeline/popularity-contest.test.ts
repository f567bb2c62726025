import assert from "node:assert/strict";
import { test } from "node:test";
import { layers, SHOP } from "./support.ts";

test("popularity_contest makes a layer of each component, the most popular first", () => {
  // libc is below all four others that need anything; lib is needed by two; own, solo by one each.
  assert.deepEqual(layers(SHOP, ["popularity_contest"]).flat(), [
    "libc",
    "lib",
    "own",
    "solo",
    "one",
    "other",
    "two",
  ]);
});

test("it counts the references of the graph that it is given, and no others", () => {
  const contest = ["map", ["popularity_contest"]];
  assert.deepEqual(layers({ b: ["a"], a: [], z: ["y"], y: [] }, ["split_every", 2], contest), [
    ["a"],
    ["b"],
    ["y"],
    ["z"],
  ]);
  assert.deepEqual(layers({ b: ["y"], a: [], z: ["a"], y: [] }, ["split_every", 2], contest), [
    ["a"],
    ["b"],
    ["y"],
    ["z"],
  ]);
});

test("members of a cycle stay together", () => {
  assert.deepEqual(layers({ a: ["b"], b: ["a", "c"], c: [] }, ["popularity_contest"]), [["c"], ["a", "b"]]);
});
