import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { ReferencesGraph } from "../../src/graph/index.ts";
import {
  keepLayout,
  type Layout,
  layoutOf,
  leader,
  popularity,
  type Strategy,
} from "../../src/layering/index.ts";
import { anyReferences, graphOf, type References } from "./graphs.ts";

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

const TREE: References = {
  libc: [],
  ssl: ["libc"],
  zlib: [],
  curl: ["ssl", "zlib"],
  app: ["curl"],
  site: [],
};

test("layers stay together by key, whatever changed", () => {
  const graph = graphAt(TREE, ["ssl"]);
  const last = layout("libc zlib", "ssl curl", "app site");
  const plan = keepLayout(last, apart).plan({ graph, available: 5, sizes: sizesOf(graph) });
  assert.deepEqual(names(plan), ["app site", "curl ssl", "libc zlib"]);
});

test("what is gone leaves its layer, and a layer of which all is gone is none", () => {
  const graph = graphAt({ libc: [], app: ["libc"] });
  const last = layout("libc zlib", "ssl curl", "app site");
  const plan = keepLayout(last, apart).plan({ graph, available: 5, sizes: sizesOf(graph) });
  assert.deepEqual(names(plan), ["app", "libc"]);
});

test("what is new has a layer of its own as long as there are enough", () => {
  const graph = graphAt({ ...TREE, fresh: ["libc"], other: [] });
  const last = layout("libc zlib", "ssl curl", "app site");
  const plan = (available: number) => {
    const groups = keepLayout(last, apart).plan({
      graph,
      available,
      sizes: sizesOf(graph),
    });
    return names(groups);
  };
  assert.deepEqual(plan(5), ["app site", "curl ssl", "fresh", "libc zlib", "other"]);
  // The two that have to be sent anyway are merged before anything that is there already.
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

test("a fresh plan is taken once twenty updates save more than it costs to send it now", () => {
  // The last build had the small application with a large library in one layer.
  const references: References = { app: ["lib"], big: [], lib: [] };
  const last = layout("app big", "lib");
  const planWith = (big: number) => {
    const graph = graphAt(references);
    return names(keepLayout(last, leader).plan({ graph, available: 3, sizes: sizesOf(graph, { big }) }));
  };
  // Kept together, an update of app or lib (2 of 3) sends big, and one of big sends app; 20 such updates are 20 · 2/3 big.
  // All of both must be sent now, big + 1 MB. That is worth it.
  assert.deepEqual(planWith(100 * MB), ["app", "big", "lib"]);
  // big is empty: 20 · 1/3 MB is saved by not sending app with it, and app, 1 MB, would have to be sent now.
  assert.deepEqual(planWith(0), ["app", "big", "lib"]);
  // They change together in most updates: weights say that big changes hardly ever without app.
  const graph = graphAt(references);
  const weights = new Map([
    ["big", 1],
    ["app", 1],
    ["lib", 1_000_000],
  ]);
  const sizes = sizesOf(graph, { lib: 1, big: 1 });
  const groups = keepLayout(layout("app big", "lib"), leader).plan({ graph, available: 3, sizes, weights });
  assert.deepEqual(names(groups), ["app big", "lib"].sort());
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

test("an image that hasn't changed keeps its layers and their order", () => {
  fc.assert(
    fc.property(anyReferences, fc.integer({ min: 1, max: 8 }), (references, available) => {
      const graph = graphOf(references);
      const groups = leader.plan({ graph, available });
      assert.deepEqual(keepLayout(layoutOf(graph, groups), leader).plan({ graph, available }), groups);
    }),
  );
});

test("a graph of thousands of new components is planned anew at once", () => {
  const references = Object.fromEntries(Array.from({ length: 3000 }, (_, at) => [`/s/c${at}`, []]));
  const graph = graphOf(references);
  const last = layout("libc");
  assert.deepEqual(
    keepLayout(last, leader).plan({ graph, available: 20 }),
    leader.plan({ graph, available: 20 }),
  );
});
