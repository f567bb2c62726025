import assert from "node:assert/strict";
import { test } from "node:test";
import { makeGraph } from "#graph";
import { layerBudget, pipelineStrategy, planLayers, popularity } from "#layering";
import { graphOf } from "../graphs.ts";
import golden from "./golden.json" with { type: "json" };
import { layers, SHOP } from "./support.ts";

test("the layers of nested operations are those of an independent implementation over igraph", () => {
  assert.ok(golden.length >= 40);
  for (const { graph, pipeline, layers: expected } of golden) {
    const components = Object.entries(graph).map(([id, { size, references }]) => ({
      id,
      path: id,
      references,
      narSize: size,
    }));
    const made = pipelineStrategy(pipeline).plan({
      graph: makeGraph(components, { kind: "nix", origin: "a golden graph" }),
      available: 100,
    });
    assert.deepEqual(made, expected, JSON.stringify(pipeline));
  }
});

test("nixpkgs' default, a contest with its layers limited, is the popularity strategy", () => {
  const graph = graphOf(SHOP);
  for (const available of [1, 2, 3, 6, 7, 8]) {
    const steps = [["popularity_contest"], ["limit_layers", available]];
    const budget = layerBudget({ maxLayers: available + 1 });
    assert.deepEqual(
      planLayers(graph, pipelineStrategy(steps), budget),
      planLayers(graph, popularity, budget),
    );
  }
});

test("a pipeline starts with all components, the smallest first", () => {
  assert.deepEqual(layers({ z: [], a: [], m: [] }), [["z", "a", "m"]]);
});

test("a pipeline that isn't one is refused with the place of the mistake", () => {
  for (const [steps, message] of [
    [{}, /^the layering pipeline must be a list of operations/],
    [["flatten"], /^the layering pipeline, step 1, must be a list that begins with the name of an operation/],
    [[["flatten"], []], /^the layering pipeline, step 2, must be a list that begins/],
    [[["flatten", 1]], /^the layering pipeline, step 1, "flatten", must be written \["flatten"\]$/],
    [
      [["constructor"]],
      /^the layering pipeline, step 1, names an operation "constructor", but there are only/,
    ],
    [[["over", "main", ["limit_layers"]]], /^the layering pipeline, step 1, "over", "limit_layers", must be/],
  ] as const) {
    assert.throws(() => pipelineStrategy(steps), { code: "INVALID_PIPELINE", message });
  }
  assert.throws(() => pipelineStrategy(1, "p.json"), { message: /^p\.json must be a list/ });
});

test("a pipeline that makes more layers than there are is refused", () => {
  const strategy = pipelineStrategy([["split_every", 1]]);
  assert.equal(strategy.plan({ graph: graphOf(SHOP), available: 7 }).length, 7);
  assert.throws(() => strategy.plan({ graph: graphOf(SHOP), available: 6 }), {
    code: "INVALID_PIPELINE",
    message: /makes 7 layers of which 6 are available; end it with \["flatten"\] and \["limit_layers", 6\]/,
  });
});
