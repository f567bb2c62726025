import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph, type ReferencesGraph } from "#graph";
import { auto, layerBudget, planLayers } from "#layering";
import { anyReferences, type References } from "../graphs.ts";
import { CASES, digestOf, graphsOf } from "./closures.ts";

/** A graph in which sizes are few, so that many are equal. */
const sizedGraphs = fc
  .record({ references: anyReferences, sizes: fc.array(fc.nat(3), { minLength: 9, maxLength: 9 }) })
  .map(({ references, sizes }) => sized(references, sizes));

function sized(references: References, sizes: readonly number[]): ReferencesGraph {
  const components = Object.entries(references).map(([id, ids], at) => {
    return { id, path: id, references: ids, narSize: sizes[at]! };
  });
  return makeGraph(components, { kind: "nix", origin: "the test's graph" });
}

const SHOP = sized(
  { shop: ["db", "web"], db: ["libc"], web: ["tls", "libc"], tls: ["libc"], libc: [], doc: [] },
  [1, 50, 40, 20, 30, 10],
);

const plan = (graph: ReferencesGraph, available: number) =>
  auto.plan({ graph, available }).map((ids) => ids.join(" "));

test("the largest components have layers with what nothing else needs, and what they share is another", () => {
  assert.deepEqual(plan(SHOP, 1), ["db doc libc shop tls web"]);
  assert.deepEqual(plan(SHOP, 2), ["db libc", "doc shop tls web"]);
  assert.deepEqual(plan(SHOP, 3), ["db libc", "doc shop tls web"]);
  assert.deepEqual(plan(SHOP, 4), ["libc", "db", "tls web", "doc shop"]);
  assert.deepEqual(plan(SHOP, 6), ["doc", "libc", "tls", "db", "web", "shop"]);
  assert.deepEqual(plan(sized({}, []), 3), []);
});

test("on closures of 20 to 500 components, layers and their order are those of nixpkgs' own planner", () => {
  const counts = CASES.map((one) => graphsOf(one).graph.components.size);
  assert.ok(counts.length >= 30 && Math.min(...counts) <= 20 && Math.max(...counts) >= 480, counts.join());
  for (const one of CASES) {
    const { graph, whole } = graphsOf(one);
    for (const [available, digest] of Object.entries(one.layers)) {
      const layers = auto.plan({ graph, whole, available: Number(available) });
      assert.equal(digestOf(layers), digest, `${one.roots.join()} in ${available} layers`);
    }
    const reversed = makeGraph([...whole.components.values()].reverse(), {
      kind: "nix",
      origin: "the closure in another order",
    });
    assert.equal(digestOf(auto.plan({ graph, whole: reversed, available: 40 })), one.layers["40"]);
  }
});

test("what is left out takes part in the plan, and its layer is left out with it", () => {
  const { components } = SHOP;
  const shop = makeGraph(
    [...components.values()].filter(({ id }) => id !== "doc"),
    { kind: "nix", origin: "a part of the test's graph" },
  );
  const budget = layerBudget({ maxLayers: 7 });
  assert.deepEqual(planLayers(shop, auto, { ...budget, whole: SHOP }).groups, [
    ["libc"],
    ["tls"],
    ["db"],
    ["web"],
    ["shop"],
  ]);
});

test("the size of a component's NAR counts, and another only where that isn't known", () => {
  const sizes = new Map([
    ["doc", 1000],
    ["x", 1000],
  ]);
  assert.deepEqual(auto.plan({ graph: SHOP, available: 4, sizes }), auto.plan({ graph: SHOP, available: 4 }));
  const components = ["x", "y", "z"].map((id) => ({ id, path: id, references: [] }));
  const graph = makeGraph(components, { kind: "nix", origin: "a graph without sizes" });
  assert.deepEqual(auto.plan({ graph, sizes, available: 2 }), [["y", "z"], ["x"]]);
});

test("members of a cycle, which Nix never has, share a layer", () => {
  const graph = sized({ root: ["a", "c"], a: ["b"], b: ["a", "c"], c: [] }, [1, 2, 3, 4]);
  assert.deepEqual(plan(graph, 9), ["c", "a b", "root"]);
});

test("each component is in one layer of at most as many as there may be, none of them empty", () => {
  fc.assert(
    fc.property(sizedGraphs, fc.integer({ min: 1, max: 12 }), (graph, available) => {
      const layers = auto.plan({ graph, available });
      assert.ok(layers.length <= available);
      assert.ok(layers.every((layer) => layer.length > 0));
      assert.deepEqual(layers.flat().sort(), [...graph.components.keys()].sort());
    }),
  );
});

test("the order in which a graph is given makes no difference", () => {
  const shuffled = sizedGraphs.chain((graph) =>
    fc
      .shuffledSubarray([...graph.components.values()], { minLength: graph.components.size })
      .map((components) => ({
        graph,
        other: makeGraph(
          components.map((one) => ({ ...one, references: [...one.references].reverse() })),
          { kind: "nix", origin: "the same graph" },
        ),
      })),
  );
  fc.assert(
    fc.property(shuffled, fc.integer({ min: 1, max: 12 }), ({ graph, other }, available) => {
      assert.deepEqual(auto.plan({ graph: other, available }), auto.plan({ graph, available }));
    }),
  );
});

test("a layer comes after all that it needs", () => {
  fc.assert(
    fc.property(sizedGraphs, fc.integer({ min: 1, max: 12 }), (graph, available) => {
      // With sizes of 0 a layer may be as large as what it needs, and then anything may be first.
      const components = [...graph.components.values()].map((one) => ({ ...one, narSize: one.narSize! + 1 }));
      const layers = auto.plan({
        graph: makeGraph(components, { kind: "nix", origin: "the graph with other sizes" }),
        available,
      });
      const closures = layers.map((ids) => {
        const closure = new Set(ids);
        for (const id of closure)
          for (const needed of graph.components.get(id)!.references) closure.add(needed);
        return [...closure].reduce((sum, id) => sum + graph.components.get(id)!.narSize! + 1, 0);
      });
      assert.deepEqual(
        closures,
        closures.toSorted((a, b) => a - b),
      );
    }),
  );
});
