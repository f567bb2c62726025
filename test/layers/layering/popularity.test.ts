import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { popularityContest } from "#layering";
import { acyclicReferences, anyReferences, graphOf, type References } from "./graphs.ts";

/** The contest as it is defined: on trees, a component standing once for each path to it. */
function naiveCounts(references: References): Map<string, bigint> {
  const childrenOf = (id: string) => [...new Set(references[id]!)].filter((child) => child !== id);
  const contest = (children: string[]): Map<string, bigint> => {
    const counts = new Map<string, bigint>();
    const add = (id: string, count: bigint) => counts.set(id, (counts.get(id) ?? 0n) + count);
    for (const child of children) {
      add(child, 1n);
      for (const [id, count] of contest(childrenOf(child))) add(id, count + 1n);
    }
    return counts;
  };
  const ids = Object.keys(references);
  return contest(ids.filter((id) => !ids.some((other) => childrenOf(other).includes(id))));
}

/** Equals by the path with its part before the first dash moved to the end, by code point. */
function naiveOrder(counts: Map<string, bigint>): string[] {
  const key = (id: string) => {
    const [first, ...rest] = id.split("-");
    return Array.from([...rest, first].join("-"), (character) => character.codePointAt(0)!);
  };
  const compareKeys = (a: number[], b: number[]) => {
    const at = a.findIndex((code, index) => code !== b[index]);
    return at < 0 ? a.length - b.length : a[at]! - (b[at] ?? -1);
  };
  return [...counts.keys()].sort(
    (a, b) => Number(counts.get(b)! - counts.get(a)!) || compareKeys(key(a), key(b)),
  );
}

const ranking = (references: References) =>
  popularityContest(graphOf(references)).map(({ ids, popularity }) => [ids.join(" "), popularity]);

test("a small graph is counted as by hand", () => {
  // d's contest is empty; c's is d 1; b's is c 1, d 2; a's is b 1, c 1 + 2, d 2 + 3; and each is 1 more above a.
  assert.deepEqual(ranking({ a: ["b", "c"], b: ["c"], c: ["d"], d: [] }), [
    ["d", 6n],
    ["c", 4n],
    ["b", 2n],
    ["a", 1n],
  ]);
});

test("a component counts the more, the more often and the deeper it is needed", () => {
  const references = { A: ["B", "G"], B: ["C", "E"], C: ["D", "E"], D: ["F"], E: ["F"], F: [], G: [] };
  assert.deepEqual(ranking(references), [
    ["F", 9n],
    ["E", 5n],
    ["D", 4n],
    ["C", 3n],
    ["B", 2n],
    ["G", 2n],
    ["A", 1n],
  ]);
});

test("each root counts 1, and so does a component on its own", () => {
  assert.deepEqual(ranking({ x: ["z"], y: ["z"], z: [], alone: [] }), [
    ["z", 4n],
    ["alone", 1n],
    ["x", 1n],
    ["y", 1n],
  ]);
});

test("equals are ordered by the whole path with its part before the first dash moved to the end", () => {
  const order = ranking({ "/s/1-b-2": [], "/s/2-a": [], "/s/0-b": [], "/s/nodash": [], "/s/9-b-1": [] });
  assert.deepEqual(
    order.map(([id]) => id),
    ["/s/nodash", "/s/2-a", "/s/0-b", "/s/9-b-1", "/s/1-b-2"],
  );
});

test("counts and order are those of the contest's definition on every graph without cycles", () => {
  fc.assert(
    fc.property(acyclicReferences, (references) => {
      const counts = naiveCounts(references);
      assert.deepEqual(
        ranking(references),
        naiveOrder(counts).map((id) => [id, counts.get(id)]),
      );
    }),
    { numRuns: 1000 },
  );
});

test("counts beyond 2^53 are exact: a chain of 1,000 diamonds", () => {
  const levels = 1000;
  const references: References = { bottom: [] };
  const top = (level: number) => (level === levels ? "bottom" : `top-${level}`);
  for (let level = 0; level < levels; level++) {
    references[top(level)] = [`left-${level}`, `right-${level}`];
    references[`left-${level}`] = references[`right-${level}`] = [top(level + 1)];
  }
  const counts = new Map(
    popularityContest(graphOf(references)).map(({ ids, popularity }) => [ids[0]!, popularity]),
  );
  // 2^level paths lead to a level's top, left and right; a top is below three such components a level above it.
  for (const level of [0, 1, 2, 52, 53, 54, 999, 1000]) {
    assert.equal(counts.get(top(level)), 3n * (2n ** BigInt(level) - 1n) + 2n ** BigInt(level));
  }
  assert.equal(counts.get("left-999"), 3n * (2n ** 999n - 1n) + 2n ** 1000n);
});

test("a graph of more than 32 components, whose ancestors take several passes, is counted as defined", () => {
  const references: References = {};
  const name = (number: number) => `c-${String(number).padStart(3, "0")}`;
  for (let number = 0; number < 100; number++) {
    references[name(number)] = [number + 7, number * 2 + 1, number + 40]
      .filter((n) => n < 100 && n > number)
      .map(name);
  }
  // Paths to each component, and the sum over all that reach it, both straight from their definitions.
  const paths = new Map<string, bigint>();
  const above = new Map<string, Set<string>>();
  for (const id of Object.keys(references)) {
    const parents = Object.keys(references).filter((parent) => references[parent]!.includes(id));
    paths.set(
      id,
      parents.length === 0 ? 1n : [...new Set(parents)].reduce((sum, p) => sum + paths.get(p)!, 0n),
    );
    above.set(id, new Set([id, ...parents.flatMap((parent) => [...above.get(parent)!])]));
  }
  for (const { ids, popularity } of popularityContest(graphOf(references))) {
    const expected = [...above.get(ids[0]!)!].reduce((sum, ancestor) => sum + paths.get(ancestor)!, 0n);
    assert.equal(popularity, expected);
  }
});

test("a chain of 20,000 components does not overflow the stack", () => {
  const length = 20_000;
  const references = Object.fromEntries(
    Array.from({ length }, (_, at) => [`c-${at}`, at + 1 < length ? [`c-${at + 1}`] : []]),
  );
  assert.deepEqual(ranking(references)[0], [`c-${length - 1}`, BigInt(length)]);
});

test("members of a cycle count as one component", () => {
  assert.deepEqual(ranking({ root: ["a", "c"], a: ["b"], b: ["a", "c"], c: [] }), [
    ["c", 4n],
    ["a b", 2n],
    ["root", 1n],
  ]);
});

test("each component is in the ranking once, whatever cycles the graph has and in whatever order it is given", () => {
  fc.assert(
    fc.property(anyReferences, fc.infiniteStream(fc.nat()), (references, random) => {
      const ranked = popularityContest(graphOf(references));
      assert.deepEqual(ranked.flatMap(({ ids }) => ids).sort(), Object.keys(references).sort());
      const shuffled = Object.entries(references)
        .map((entry) => ({ entry, at: random.next().value as number }))
        .sort((a, b) => a.at - b.at)
        .map(({ entry: [id, ids] }) => [id, ids.toReversed()] as const);
      assert.deepEqual(popularityContest(graphOf(Object.fromEntries(shuffled))), ranked);
    }),
  );
});
