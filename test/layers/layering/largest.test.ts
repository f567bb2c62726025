import assert from "node:assert/strict";
import { test } from "node:test";
import { largest } from "#layering";
import { graphOf } from "./graphs.ts";

const graph = graphOf({ "/s/a": ["/s/b"], "/s/b": ["/s/a"], "/s/c": [], "/s/d": [], "/s/e": [] });
const sizes = new Map([
  ["/s/a", 3],
  ["/s/b", 3],
  ["/s/c", 5],
  ["/s/d", 9],
  ["/s/e", 5],
]);
const plan = (available: number) =>
  largest.plan({ graph, sizes, available }).map((group) => group.map((id) => id.slice(3)).join(""));

test("the largest have a layer each, the largest first, and the last layer takes the rest", () => {
  assert.deepEqual(plan(1), ["abcde"]);
  assert.deepEqual(plan(2), ["d", "abce"]);
  // A cycle counts as one, with the bytes of all its members.
  assert.deepEqual(plan(3), ["d", "ab", "ce"]);
  assert.deepEqual(plan(4), ["d", "ab", "c", "e"]);
  assert.deepEqual(plan(9), ["d", "ab", "c", "e"]);
});

test("without sizes NAR sizes count, and without these keys alone", () => {
  assert.deepEqual(largest.plan({ graph, available: 2 }), [
    ["/s/a", "/s/b"],
    ["/s/c", "/s/d", "/s/e"],
  ]);
});
