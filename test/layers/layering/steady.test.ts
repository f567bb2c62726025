import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph } from "#graph";
import { expectedUpdates, leader, steady, steadyForSeries, updateCost } from "#layering";
import { layerOf, type UpdateModel, updateModel } from "../../../src/layers/layering/update-model.ts";
import { anyReferences, graphOf } from "./graphs.ts";

const PAGE = 4096;

/** Packages in a folder of each, with pages as sizes. */
function packages(pages: readonly number[], more: (at: number) => object = () => ({})) {
  const components = pages.map((_, at) => {
    const id = `node_modules/${String.fromCharCode(97 + at)}`;
    return { id, path: `/p/${id}`, references: [], name: id.slice(13), version: "1.0.0", ...more(at) };
  });
  const graph = makeGraph(components, { kind: "npm", origin: "a test" });
  const sizes = new Map(components.map(({ id }, at) => [id, pages[at]! * PAGE]));
  return { graph, sizes };
}

/** All ways to put things into groups. */
function* partitions<T>(items: readonly T[]): Generator<T[][]> {
  const [first, ...rest] = items;
  if (first === undefined) {
    yield [];
    return;
  }
  for (const groups of partitions(rest)) {
    yield [[first], ...groups];
    for (const at of groups.keys()) {
      yield groups.map((group, number) => (number === at ? [first, ...group] : group));
    }
  }
}

const costOf = (groups: readonly (readonly string[])[], model: UpdateModel): bigint => {
  const nodeOf = new Map(model.nodes.flatMap((node) => node.ids.map((id) => [id, node] as const)));
  return updateCost(groups.map((ids) => layerOf([...new Set(ids.map((id) => nodeOf.get(id)!))], model)));
};

test("of packages that change equally often, no grouping at all costs less, with what layers cost by themselves", () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 1, max: 60 }), { minLength: 1, maxLength: 7 }),
      fc.integer({ min: 1, max: 4 }),
      (pages, available) => {
        const input = packages(pages);
        const model = updateModel(input);
        // each layer has to save four pages an update.
        const price = (groups: string[][]) =>
          costOf(groups, model) + BigInt(groups.length * model.weights.total * 4 * PAGE);
        const best = [...partitions([...input.graph.components.keys()])]
          .filter((groups) => groups.length <= available)
          .map(price)
          .reduce((a, b) => (a < b ? a : b));
        assert.equal(price(steady.plan({ ...input, available })), best);
      },
    ),
    { numRuns: 150 },
  );
});

test("packages of one unit share a layer where there are more packages than layers", () => {
  const input = packages([100, 200, 300, 400, 500, 600]);
  const ids = [...input.graph.components.keys()];
  const units = new Map(ids.map((id, at) => [id, at % 2 === 0 ? "even" : id]));
  const groups = steady.plan({ ...input, units, available: 3 });
  assert.ok(groups.some((group) => [0, 2, 4].every((at) => group.includes(ids[at]!))));
});

test("what changes much more often than all else has a layer of its own, on top", () => {
  const input = packages([5, 1, 90, 3, 12, 40, 7]);
  const weights = new Map([["d", 4096]]);
  const groups = steady.plan({ ...input, weights, available: 3 });
  assert.deepEqual(groups.at(-1), ["node_modules/d"]);
});

for (const strategy of [steady, steadyForSeries]) {
  const name = strategy === steady ? "alone" : "for a series";
  test(`each component is in exactly one layer, in no order but its own (${name})`, () => {
    fc.assert(
      fc.property(
        anyReferences,
        fc.boolean(),
        fc.integer({ min: 1, max: 6 }),
        fc.array(fc.nat(40 * PAGE), { minLength: 9, maxLength: 9 }),
        (references, isNpm, available, bytes) => {
          const made = graphOf(references);
          const graph = isNpm ? { ...made, kind: "npm" as const } : made;
          const ids = [...graph.components.keys()];
          const sizes = new Map(ids.map((id, at) => [id, bytes[at]!]));
          const groups = strategy.plan({ graph, sizes, available });
          assert.ok(groups.length <= available);
          assert.ok(groups.every((group) => group.length > 0));
          assert.deepEqual(groups.flat().sort(), ids.toSorted());
          // Not made by makeGraph, which would bring it into order.
          const reversed = { ...graph, components: new Map([...graph.components].reverse()) };
          const shuffled = { graph: reversed, sizes: new Map([...sizes].reverse()), available };
          assert.deepEqual(strategy.plan(shuffled), groups);
        },
      ),
      { numRuns: 300 },
    );
  });
}

test("in a store, a series of builds begins with a plan that no single move makes better", () => {
  fc.assert(
    fc.property(
      anyReferences,
      fc.integer({ min: 1, max: 4 }),
      fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 9, maxLength: 9 }),
      (references, available, pages) => {
        const graph = graphOf(references);
        const sizes = new Map([...graph.components.keys()].map((id, at) => [id, pages[at]! * PAGE]));
        const model = updateModel({ graph, sizes });
        const before = costOf(leader.plan({ graph, sizes, available }), model);
        assert.ok(costOf(steadyForSeries.plan({ graph, sizes, available }), model) <= before);
      },
    ),
  );
});

test("weights that would make sums inexact are refused", () => {
  const input = packages([1, 2, 3]);
  const weights = new Map([["a", 2 ** 52]]);
  assert.throws(() => steady.plan({ ...input, weights, available: 2 }), { code: "TOO_LARGE" });
});

test("what one repository publishes is expected to change together, however it is written", () => {
  const forms = [
    "git+https://github.com/Facebook/react.git",
    "git://github.com/facebook/react",
    "github:facebook/react",
    "facebook/react",
    "git+ssh://git@github.com/facebook/react.git#main",
    "https://github.com/facebook/react/tree/main/packages/react",
    "git@github.com:facebook/react.git",
    "git://github.com/facebook/react/",
  ];
  const { graph } = packages(
    forms.map(() => 1),
    (at) => ({ repository: forms[at] }),
  );
  assert.deepEqual([...new Set(expectedUpdates(graph, {}).units!.values())], ["github.com/facebook/react"]);
});

test("of a repository with several major versions each is a unit, too, and three quarters of what changes are all of them", () => {
  const versions = ["1.9.0", "2.40.1", "2.6.0", "1.0.0"];
  const { graph } = packages(
    versions.map(() => 1),
    (at) => ({ version: versions[at], repository: at < 3 ? "o/r" : "o/single" }),
  );
  const expected = (weights: Readonly<Record<string, number>> = {}) => {
    const known = expectedUpdates(graph, { weights: new Map(Object.entries(weights)) });
    return { units: [...known.units!.values()], weights: Object.fromEntries(known.weights!) };
  };
  const [one, two] = ["github.com/o/r@1", "github.com/o/r@2"];
  assert.deepEqual(expected(), {
    units: [["github.com/o/r", one], ["github.com/o/r", two], ["github.com/o/r", two], "d"],
    weights: { "github.com/o/r": 24, [one]: 8, [two]: 8, d: 2 },
  });
  assert.deepEqual(expected({ "github.com/o/r": 9, [two]: 5 }).weights, {
    "github.com/o/r": 6,
    [one]: 3,
    [two]: 5,
    d: 2,
  });
  assert.deepEqual(expected({ "github.com/o/r": 1 }).weights, {
    "github.com/o/r": 1,
    [one]: 1,
    [two]: 1,
    d: 2,
  });
});

test("a given weight that is none is refused, of a repository with several major versions, too", () => {
  const { graph } = packages([1, 1], (at) => ({ version: `${at + 1}.0.0`, repository: "o/r" }));
  assert.throws(() => expectedUpdates(graph, { weights: new Map([["github.com/o/r", 0]]) }), {
    code: "USAGE",
  });
});

test("a series of builds begins with major versions of one repository apart, each whole, if there is a layer for that", () => {
  const versions = ["1.9.0", "2.6.0", "2.6.1", "1.0.0"];
  const input = packages([500, 300, 200, 400], (at) => ({
    version: versions[at],
    repository: at < 3 ? "o/r" : undefined,
  }));
  const known = { ...input, ...expectedUpdates(input.graph, input) };
  const [a, b, c, d] = input.graph.components.keys();
  const plan = (strategy: typeof steady, available: number) =>
    strategy.plan({ ...known, available }).toSorted((x, y) => (x[0]! < y[0]! ? -1 : 1));
  assert.deepEqual(plan(steady, 3), [[a, b, c], [d]]);
  assert.deepEqual(plan(steadyForSeries, 3), [[a], [b, c], [d]]);
  assert.deepEqual(plan(steadyForSeries, 2), [[a, b, c], [d]]);
});

test("a series of builds begins with no more than a single build costs, whatever repositories publish, and in any order of input", () => {
  const one = fc.record({
    pages: fc.integer({ min: 1, max: 60 }),
    repository: fc.constantFrom("o/r", "o/s", undefined),
    version: fc.constantFrom("0.3.1", "1.0.0", "2.7.1", "2.30.0"),
  });
  let settled = 0;
  fc.assert(
    fc.property(
      fc.array(one, { minLength: 1, maxLength: 12 }),
      fc.integer({ min: 1, max: 6 }),
      (all, available) => {
        const { graph, sizes } = packages(
          all.map(({ pages }) => pages),
          (at) => all[at]!,
        );
        const known = { sizes, ...expectedUpdates(graph, { sizes }), available };
        const model = updateModel({ graph, ...known });
        const price = (groups: string[][]) =>
          costOf(groups, model) + BigInt(groups.length * model.weights.total * 4 * PAGE);
        const [single, series] = [steady, steadyForSeries].map((each) => each.plan({ graph, ...known }));
        assert.ok(price(series!) <= price(single!));
        if (price(series!) < price(single!)) settled++;
        const reversed = { ...graph, components: new Map([...graph.components].reverse()) };
        assert.deepEqual(steadyForSeries.plan({ graph: reversed, ...known }), series);
      },
    ),
    { numRuns: 300 },
  );
  assert.ok(settled > 5, String(settled));
});

test("no layer of a series' first plan saves less than its price", () => {
  const versions = ["1.0.0", "2.0.0"];
  // Apart, both aren't sent again for each other: 3 pages in one of five updates.
  const input = packages([3, 3], (at) => ({ version: versions[at], repository: "o/r" }));
  const known = { ...input, ...expectedUpdates(input.graph, input) };
  assert.equal(steadyForSeries.plan({ ...known, available: 2 }).length, 1);
});

test("a package without a repository, and a project's own files, are units of their own", () => {
  const { graph } = packages([1, 1], (at) => (at === 0 ? { repository: "not an address" } : {}));
  const own = { id: ".", path: "/p", references: [], name: "app", repository: "facebook/react" };
  const whole = makeGraph([...graph.components.values(), own], { kind: "npm", origin: "a test" });
  const { units, weights } = expectedUpdates(whole, {});
  assert.deepEqual(
    [...units!],
    [
      [".", "app"],
      ["node_modules/a", "a"],
      ["node_modules/b", "b"],
    ],
  );
  assert.equal(weights!.get("app"), 4096);
});

test("a package is expected to change the more often the more it was published, and the larger it is", () => {
  const versions = ["1.2.3", "4.17.21", "30.90.200", "0.0.1", "0.213.0", "not a version"];
  const { graph } = packages(
    versions.map(() => 1),
    (at) => ({ version: versions[at] }),
  );
  const ids = [...graph.components.keys()];
  const weights = (pages: number) => {
    const sizes = new Map(ids.map((id) => [id, pages * PAGE]));
    return [...expectedUpdates(graph, { sizes }).weights!.values()];
  };
  // The largest powers of two in 7, 43, 321, a quarter of 2 and of 214, and 1; 64 is the most and 1 the least.
  assert.deepEqual(weights(1), [4, 32, 64, 1, 32, 1]);
  assert.deepEqual(weights(9), [16, 128, 256, 4, 128, 4]);
});

test("a given weight counts instead: of a package by its key, of a unit by its name", () => {
  const { graph } = packages([1, 1, 1], (at) => (at < 2 ? { repository: "github:o/r" } : {}));
  const given = (weights: Readonly<Record<string, number>>) =>
    Object.fromEntries(expectedUpdates(graph, { weights: new Map(Object.entries(weights)) }).weights!);
  assert.deepEqual(given({ a: 9, c: 7 }), { "github.com/o/r": 9, c: 7 });
  assert.deepEqual(given({ a: 9, "github.com/o/r": 1 }), { "github.com/o/r": 1, c: 2 });
});
