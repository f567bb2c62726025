import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph, type ReferencesGraph } from "#graph";
import { keepLayout, type Layout, layoutOf, leader, popularity, type Strategy } from "#layering";
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
  // Apart, app and big aren't sent for each other: 20 updates save 20 · 5 MB / W. Now 5 MB have to be sent, so it depends on
  // whether W, the sum of all weights, is below 20.
  const graph = graphAt({ app: [], big: [], lib: [] });
  const last = layout("app big", "lib");
  const planWith = (lib: number) =>
    names(
      keepLayout(last, leader).plan({
        graph,
        available: 3,
        sizes: sizesOf(graph, { big: 4 * MB }),
        weights: new Map([["lib", lib]]),
      }),
    );
  assert.deepEqual(planWith(17), ["app", "big", "lib"]);
  assert.deepEqual(planWith(18), ["app big", "lib"]);
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

test("of all pairs the cheapest is merged, again and again", () => {
  const parts = fc.array(fc.tuple(fc.nat(50), fc.boolean(), fc.array(fc.nat(11), { maxLength: 3 })), {
    minLength: 2,
    maxLength: 12,
  });
  fc.assert(
    fc.property(parts, fc.integer({ min: 1, max: 11 }), (all, available) => {
      // Neither in the order of references nor against it.
      const nameAt = (at: number) => String.fromCharCode(97 + ((at * 5 + 7) % 12));
      const references: References = Object.fromEntries(
        all.map(([, , needs], at) => [nameAt(at), needs.filter((to) => to < at).map(nameAt)]),
      );
      const changed = all.flatMap(([, isNew], at) => (isNew ? [nameAt(at)] : []));
      const graph = graphAt(references, changed);
      const sizes = sizesOf(graph, Object.fromEntries(all.map(([size], at) => [nameAt(at), size])));
      const last = layout(...Object.keys(references));
      const groups = keepLayout(last, apart).plan({ graph, available, sizes });
      assert.deepEqual(names(groups), naiveMerge({ references, graph, sizes, available }));
    }),
    { numRuns: 1000 },
  );
});

/** Merging from groups of one, as it is meant. */
function naiveMerge(options: {
  readonly references: References;
  readonly graph: ReferencesGraph;
  readonly sizes: ReadonlyMap<string, number>;
  readonly available: number;
}): string[] {
  const { references, graph, sizes, available } = options;
  const ids = new Map([...graph.components.keys()].map((id) => [nameOf(id), id]));
  const closure = (name: string): string[] => [name, ...references[name]!.flatMap(closure)];
  const bytes = (group: string[]) => group.reduce((sum, name) => sum + sizes.get(ids.get(name)!)!, 0);
  const units = (group: string[]) => new Set(group.flatMap(closure));
  const count = (these: Set<string>, but: Set<string>) => [...these].filter((unit) => !but.has(unit)).length;
  const spared = (group: string[]) =>
    group.length === 1 && ids.get(group[0]!) === path(group[0]!, 0) ? bytes(group) : 0;
  const price = (a: string[], b: string[]) =>
    20 * bytes(a) * count(units(b), units(a)) +
    20 * bytes(b) * count(units(a), units(b)) +
    (spared(a) + spared(b)) * ids.size;
  let groups = [...ids.keys()].sort().map((name) => [name]);
  while (groups.length > available) {
    let best: { readonly pair: readonly string[][]; readonly price: number } | undefined;
    for (const [at, a] of groups.entries()) {
      for (const b of groups.slice(at + 1)) {
        if (best === undefined || price(a, b) < best.price) best = { pair: [a, b], price: price(a, b) };
      }
    }
    const merged = best!.pair.flat().sort();
    groups = [...groups.filter((group) => !best!.pair.includes(group)), merged].sort((a, b) =>
      a[0]! < b[0]! ? -1 : 1,
    );
  }
  return groups.map((group) => group.join(" ")).sort();
}

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
