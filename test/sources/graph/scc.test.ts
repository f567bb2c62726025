import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { stronglyConnectedComponents } from "#graph";

const digraph = fc.integer({ min: 0, max: 9 }).chain((count) =>
  fc.array(fc.array(fc.nat(Math.max(count - 1, 0)), { maxLength: 4 }), {
    minLength: count,
    maxLength: count,
  }),
);

/** Which nodes reach which, by trying each node as a step in between. */
function reachability(successors: number[][]): boolean[][] {
  const reaches = successors.map((targets, from) =>
    successors.map((_, to) => from === to || targets.includes(to)),
  );
  for (const via of reaches.keys())
    for (const from of reaches.keys())
      for (const to of reaches.keys())
        if (reaches[from]![via]! && reaches[via]![to]!) reaches[from]![to] = true;
  return reaches;
}

test("two nodes are in one set exactly if they reach each other", () => {
  fc.assert(
    fc.property(digraph, (successors) => {
      const sets = stronglyConnectedComponents(successors);
      const setOf = new Map(sets.flatMap((set, number) => set.map((node) => [node, number] as const)));
      assert.equal(sets.flat().length, successors.length);
      assert.equal(setOf.size, successors.length);
      const reaches = reachability(successors);
      for (const a of successors.keys())
        for (const b of successors.keys())
          assert.equal(setOf.get(a) === setOf.get(b), reaches[a]![b]! && reaches[b]![a]!);
    }),
  );
});

test("a set comes after the sets it points to", () => {
  fc.assert(
    fc.property(digraph, (successors) => {
      const sets = stronglyConnectedComponents(successors);
      const setOf = new Map(sets.flatMap((set, number) => set.map((node) => [node, number] as const)));
      for (const [from, targets] of successors.entries())
        for (const to of targets) assert.ok(setOf.get(to)! <= setOf.get(from)!);
    }),
  );
});

test("a chain of 200,000 nodes that closes into a ring is one set", () => {
  const count = 200_000;
  const sets = stronglyConnectedComponents(Array.from({ length: count }, (_, node) => [(node + 1) % count]));
  assert.equal(sets.length, 1);
  assert.equal(sets[0]!.length, count);
});
