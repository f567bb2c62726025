import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph, type ReferencesGraph } from "#graph";
import {
  keepLayout,
  keysOf,
  type Layout,
  layoutOf,
  leader,
  popularity,
  type Strategy,
  steady,
  steadyForSeries,
} from "#layering";
import { anyReferences, graphOf, type References } from "./graphs.ts";
import { Naive } from "./naive-keep.ts";

const MB = 2 ** 20;

/** Store paths whose hash says which build they are of. */
const path = (name: string, build: number) => `/nix/store/${String(build).repeat(32)}-${name}`;

/** A graph from names, in which those in `changed` are of a later build, and with them all that need them. */
function graphAt(references: References, changed: readonly string[] = [], build = 1): ReferencesGraph {
  const isNew = (name: string): boolean => changed.includes(name) || references[name]!.some(isNew);
  const idOf = (name: string) => path(name, isNew(name) ? build : 0);
  return graphOf(
    Object.fromEntries(Object.entries(references).map(([name, ids]) => [idOf(name), ids.map(idOf)])),
  );
}

const nameOf = (id: string) => id.slice(id.lastIndexOf("/") + 34);
const names = (groups: readonly (readonly string[])[]) =>
  groups.map((ids) => ids.map(nameOf).join(" ")).sort();
const sizesOf = (graph: ReferencesGraph, sizes: Readonly<Record<string, number>> = {}) =>
  new Map([...graph.components.keys()].map((id) => [id, sizes[nameOf(id)] ?? MB]));

/** A strategy that never has a better idea, so that what is kept is seen. */
const apart: Strategy = {
  name: "apart",
  plan: ({ graph }) => [[...graph.components.keys()]],
};

/** Layers as an earlier build had them, all of build 0. */
const layout = (...layers: string[]): Layout => ({
  layers: layers.map((layer) => new Map(layer.split(" ").map((name) => [name, "0".repeat(16)]))),
});

/** As many as fill layers of two, so that none gains by moving. */
const ALIKE: References = { libc: [], ssl: [], zlib: [], curl: [], app: [], site: [] };

test("layers stay together by key, whatever changed", () => {
  const graph = graphAt(ALIKE, ["ssl"]);
  const last = layout("libc zlib", "ssl curl", "app site");
  const plan = keepLayout(last, apart).plan({ graph, available: 3, sizes: sizesOf(graph) });
  assert.deepEqual(names(plan), ["app site", "curl ssl", "libc zlib"]);
});

test("what is gone leaves its layer, and a layer of which all is gone is none", () => {
  const graph = graphAt({ libc: [], app: ["libc"] });
  const last = layout("libc zlib", "ssl curl", "app site");
  const plan = keepLayout(last, apart).plan({ graph, available: 5, sizes: sizesOf(graph) });
  assert.deepEqual(names(plan), ["app", "libc"]);
});

test("what is new has a layer of its own as long as there are enough, and else goes where it costs least", () => {
  const graph = graphAt({ ...ALIKE, fresh: [], other: [] });
  const last = layout("libc zlib", "ssl curl", "app site");
  // They change so often that nothing else is worth sending once more.
  const weights = new Map(["fresh", "other"].map((name) => [name, 1000]));
  const plan = (available: number) =>
    names(keepLayout(last, apart).plan({ graph, available, sizes: sizesOf(graph), weights }));
  assert.deepEqual(plan(5), ["app site", "curl ssl", "fresh", "libc zlib", "other"]);
  // The two that have to be sent anyway share a layer before anything joins what is there already.
  assert.deepEqual(plan(4), ["app site", "curl ssl", "fresh other", "libc zlib"]);
});

test("layers that changed anyway are merged before others that go together better", () => {
  // b1 and b2 always change together, so that nothing would be cheaper to merge but for the sending of both now.
  const references: References = { base: [], b1: ["base"], b2: ["base"], c: [], d: [] };
  const graph = graphAt(references, ["c", "d"]);
  const sizes = sizesOf(graph, { b1: 100 * MB, b2: 100 * MB });
  const plan = keepLayout(layout("base", "b1", "b2", "c", "d"), apart).plan({ graph, available: 4, sizes });
  assert.deepEqual(names(plan), ["b1", "b2", "base", "c d"]);
});

test("what shares a layer parts once thirty updates save more than it costs to send it now", () => {
  // Apart, app and big aren't sent for each other: 30 updates save 30 · 5 MB / W. Now 5 MB have to be sent, so it depends on
  // whether W, the sum of all weights, is below 30.
  const graph = graphAt({ app: [], big: [], lib: [] }, ["lib"]);
  const last = layout("app big", "lib");
  const planWith = (lib: number) =>
    names(
      keepLayout(last, apart).plan({
        graph,
        available: 3,
        sizes: sizesOf(graph, { big: 4 * MB }),
        weights: new Map([["lib", lib]]),
      }),
    );
  assert.deepEqual(planWith(27), ["app", "big", "lib"]);
  assert.deepEqual(planWith(28), ["app big", "lib"]);
});

test("what may have changed without a trace counts as changed", () => {
  // All sizes are equal, and nothing needs anything; only the project's own files have to be sent in any case.
  const component = (id: string, name: string) => ({ id, path: id, references: [], name, version: "1" });
  const components = [
    component(".", "zeta"),
    component("node_modules/a", "a"),
    component("node_modules/b", "b"),
  ];
  const graph = makeGraph(components, { kind: "npm", origin: "a test" });
  const sizes = new Map(components.map(({ id }) => [id, MB]));
  const last = layoutOf(graph, [["node_modules/a"], ["node_modules/b"], ["."]]);
  assert.deepEqual(keepLayout(last, apart).plan({ graph, available: 2, sizes }).toSorted(), [
    ["node_modules/a", "."],
    ["node_modules/b"],
  ]);
});

test("what is kept is, number by number, what the documentation says", () => {
  const parts = fc.array(
    fc.tuple(
      fc.nat(50),
      fc.constantFrom("same", "changed", "new"),
      fc.array(fc.nat(11), { maxLength: 3 }),
      fc.nat(5),
    ),
    {
      minLength: 2,
      maxLength: 12,
    },
  );
  let moved = 0;
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 6 }), (all, available) => {
      // Neither in the order of references nor against it.
      const nameAt = (at: number) => String.fromCharCode(97 + ((at * 5 + 7) % 12));
      const references: References = Object.fromEntries(
        all.map(([, , needs], at) => [nameAt(at), needs.filter((to) => to < at).map(nameAt)]),
      );
      const named = (state: string) => all.flatMap(([, is], at) => (is === state ? [at] : []));
      const graph = graphAt(references, named("changed").map(nameAt));
      const sizes = sizesOf(graph, Object.fromEntries(all.map(([pages], at) => [nameAt(at), pages * 4096])));
      const isNew = new Set(named("new"));
      const layers = Array.from({ length: Math.min(6, available) }, (_, place) =>
        all.flatMap(([, , , layer], at) =>
          !isNew.has(at) && layer % Math.min(6, available) === place ? [nameAt(at)] : [],
        ),
      );
      const last = layout(...layers.filter((names) => names.length > 0).map((names) => names.join(" ")));
      const naive = new Naive({ graph, sizes, keys: keysOf(graph), available });
      const isUnchanged = all.every(([, state]) => state === "same");
      const kept = isUnchanged
        ? layers.map((layer) => layer.map((name) => path(name, 0))).filter((ids) => ids.length > 0)
        : naive.kept(last);
      const plan = keepLayout(last, apart).plan({ graph, available, sizes });
      const isFresh =
        !isUnchanged && naive.price([[...graph.components.keys()]], last) < naive.price(kept, last);
      if (plan.length < layers.length) moved++;
      assert.deepEqual(
        names(plan),
        isFresh
          ? names(apart.plan({ graph, available }))
          : names(kept.map((ids) => ids.toSorted((x, y) => (nameOf(x) < nameOf(y) ? -1 : 1)))),
      );
    }),
    { numRuns: 200 },
  );
  assert.ok(moved > 5, String(moved));
});

test("with nothing in common with the last build, or no budget for it, there is a plan all the same", () => {
  fc.assert(
    fc.property(anyReferences, anyReferences, fc.nat(8), fc.nat(8), (before, after, many, few) => {
      const old = graphOf(before);
      const graph = graphOf(after);
      const last = layoutOf(old, popularity.plan({ graph: old, available: many + 1 }));
      const groups = keepLayout(last, leader).plan({ graph, available: few + 1 });
      assert.ok(groups.length <= few + 1);
      assert.ok(groups.every((group) => group.length > 0));
      assert.deepEqual(groups.flat().sort(), [...graph.components.keys()].sort());
    }),
    { numRuns: 300 },
  );
});

test("an image that hasn't changed keeps its layers and their order, however they came about", () => {
  fc.assert(
    fc.property(anyReferences, fc.integer({ min: 1, max: 8 }), (references, available) => {
      const graph = graphOf(references);
      for (const strategy of [leader, popularity, steady]) {
        const groups = leader.plan({ graph, available });
        assert.deepEqual(keepLayout(layoutOf(graph, groups), strategy).plan({ graph, available }), groups);
      }
    }),
  );
});

test("a graph of thousands of new components is planned at once", () => {
  const references = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`/s/c${at}`, []]));
  const graph = graphOf(references);
  const groups = keepLayout(layout("libc"), steadyForSeries).plan({ graph, available: 20 });
  assert.equal(groups.length, 20);
  assert.equal(groups.flat().length, 3000);
});
