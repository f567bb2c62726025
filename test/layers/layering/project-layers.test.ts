import assert from "node:assert/strict";
import { describe, it, test } from "node:test";
import fc from "fast-check";
import { type Component, makeGraph } from "#graph";
import {
  auto,
  keepLayout,
  largest,
  layoutOf,
  leader,
  pipelineStrategy,
  planLayers,
  popularity,
  type Strategy,
  steady,
} from "#layering";

const KB = 1000;

/** A workspace's package with so many dependencies, each ten times as large as the one before it is small. */
function project({ app = ".", workspace = 0, dependencies = 30 } = {}) {
  const component = (id: string, more: Partial<Component> = {}): Component => ({
    id,
    path: `/p/${id}`,
    references: [],
    name: id.replace(/^.*node_modules\//, ""),
    version: "1.0.0",
    ...more,
  });
  const names = Array.from(
    { length: dependencies },
    (_, at) => `node_modules/d${String(at).padStart(3, "0")}`,
  );
  const others = Array.from({ length: workspace }, (_, at) => `packages/w${at}`);
  const components = [
    component(app, { references: [...names, ...others] }),
    ...(app === "." ? [] : [component(".")]),
    ...others.map((id) => component(id)),
    ...names.map((id) => component(id)),
  ];
  const sizes = new Map(
    components.map(({ id }, at) => [id, id.startsWith("node_modules") ? (at + 1) ** 2 * 10 * KB : 500 * KB]),
  );
  return {
    graph: makeGraph(components, { kind: "npm", origin: "a test", ...(app !== "." && { app }) }),
    sizes,
  };
}

const strategies: readonly Strategy[] = [steady, leader, auto, popularity, largest];

describe("a Node project's layers", () => {
  for (const strategy of strategies) {
    it(`have its own files on top, alone, and its workspace's packages under them: ${strategy.name}`, () => {
      const { graph, sizes } = project({ app: "apps/api", workspace: 3 });
      const { groups } = planLayers(graph, strategy, { available: 12, sizes });
      assert.deepEqual(groups.slice(-5), [
        ["."],
        ["packages/w0"],
        ["packages/w1"],
        ["packages/w2"],
        ["apps/api"],
      ]);
      assert.ok(
        groups
          .slice(0, -5)
          .flat()
          .every((id) => id.startsWith("node_modules/")),
      );
      assert.ok(groups.length <= 12);
    });

    it(`have that with as few layers as there may be: ${strategy.name}`, () => {
      const { graph, sizes } = project({ workspace: 1 });
      const planned = (available: number) =>
        planLayers(graph, strategy, { available, sizes }).groups.map((ids) => ids.length);
      assert.deepEqual(planned(1), [32]);
      assert.deepEqual(planned(2), [31, 1]);
      assert.deepEqual(planned(3), [30, 1, 1]);
    });

    it(`have that with the last build's layout: ${strategy.name}`, () => {
      const { graph, sizes } = project({ workspace: 2 });
      // As an older version had it, in no such order.
      const mixed = [[".", "node_modules/d000"], ["packages/w0", "packages/w1"], ["node_modules/d001"]];
      const rest = [...graph.components.keys()].filter((id) => !mixed.flat().includes(id));
      const last = layoutOf(graph, [...mixed, rest]);
      const { groups } = planLayers(graph, keepLayout(last, strategy), { available: 9, sizes });
      assert.deepEqual(groups.slice(-3), [["packages/w0"], ["packages/w1"], ["."]]);
      assert.deepEqual(groups.flat().sort(), [...graph.components.keys()].sort());
    });

    it(`have heavier dependencies above lighter ones: ${strategy.name}`, () => {
      const { graph, sizes } = project({ dependencies: 8 });
      const weights = new Map([["d007", 1000]]);
      const { groups } = planLayers(graph, strategy, { available: 9, sizes, weights });
      assert.ok(groups.at(-2)!.includes("node_modules/d007"), JSON.stringify(groups));
    });
  }

  it("are what a pipeline says", () => {
    const { graph, sizes } = project({ dependencies: 2 });
    const { groups } = planLayers(graph, pipelineStrategy([], "a pipeline"), { available: 9, sizes });
    assert.equal(groups.length, 1);
  });

  it("have the order that they had, where nothing is to be won by another", () => {
    const { graph, sizes } = project();
    const { groups } = planLayers(graph, steady, { available: 9, sizes });
    const turned = [...groups.slice(0, -1).reverse(), groups.at(-1)!];
    const kept = planLayers(graph, keepLayout(layoutOf(graph, turned), steady), { available: 9, sizes });
    assert.deepEqual(kept.groups, turned);
  });

  it("keep tiny packages together, those that are new, too", () => {
    const { graph, sizes } = project({ dependencies: 7 });
    const tiny = new Map([...sizes.keys()].map((id) => [id, 3 * KB]));
    assert.equal(planLayers(graph, steady, { available: 20, sizes: tiny }).groups.length, 2);
    const before = project({ dependencies: 5 });
    const last = layoutOf(
      before.graph,
      planLayers(before.graph, steady, { available: 20, sizes: tiny }).groups,
    );
    const kept = planLayers(graph, keepLayout(last, steady), { available: 20, sizes: tiny });
    assert.ok(kept.groups.length <= 3, String(kept.groups.length));
  });

  it("have packages of one repository together", () => {
    const { graph, sizes } = project({ dependencies: 12 });
    const repository = (id: string) =>
      /d00[27]$|d010$/.test(id)
        ? { repository: id.endsWith("2") ? "o/mono" : "git+https://github.com/o/mono.git" }
        : {};
    const together = makeGraph(
      [...graph.components.values()].map((one) => ({ ...one, ...repository(one.id) })),
      { kind: "npm", origin: "a test" },
    );
    const { groups } = planLayers(together, steady, { available: 8, sizes });
    const layer = groups.find((ids) => ids.includes("node_modules/d010"))!;
    assert.ok(
      ["node_modules/d002", "node_modules/d007"].every((id) => layer.includes(id)),
      JSON.stringify(groups),
    );
  });
});

test("a project without anything installed, or with nothing of its own, is planned", () => {
  for (const available of [1, 2, 3]) {
    const { graph, sizes } = project({ dependencies: 0 });
    assert.deepEqual(planLayers(graph, steady, { available, sizes }).groups, [["."]]);
    const empty = makeGraph([], { kind: "npm", origin: "a test" });
    assert.deepEqual(planLayers(empty, steady, { available }).groups, []);
  }
});

test("no division into neighbours sends less, but for layers that aren't worth their overhead", () => {
  const arbitrary = fc.record({
    sizes: fc.array(fc.integer({ min: 1, max: 2200 }), { minLength: 1, maxLength: 9 }),
    available: fc.integer({ min: 1, max: 9 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ sizes: bytes, available }) => {
      const ids = bytes.map((_, at) => `node_modules/p${at}`);
      const graph = makeGraph(
        ids.map((id) => ({ id, path: id, references: [], name: id, version: "1" })),
        { kind: "npm", origin: "a test" },
      );
      const sizes = new Map(ids.map((id, at) => [id, bytes[at]! * 4096]));
      // Each changes as often as another.
      const { groups } = planLayers(graph, steady, { available, sizes, units: new Map() });
      assert.ok(groups.length <= available);
      assert.deepEqual(groups.flat().sort(), ids);
      const costOf = (groups: readonly (readonly string[])[]) =>
        groups.reduce((sum, ids) => sum + ids.length * ids.reduce((all, id) => all + sizes.get(id)!, 0), 0);
      const best = (count: number): number =>
        leastCost(
          [...sizes.values()].sort((a, b) => b - a),
          count,
        );
      assert.equal(costOf(groups), best(groups.length));
      const overhead = 16 * 1024 * bytes.length;
      if (groups.length < Math.min(available, bytes.length)) {
        assert.ok(costOf(groups) - best(groups.length + 1) < overhead);
      }
    }),
  );
});

/** The least cost of a row of sizes in so many layers, by trying all. */
function leastCost(sizes: readonly number[], count: number): number {
  if (count === 1) return sizes.length * sizes.reduce((sum, size) => sum + size, 0);
  let least = Number.POSITIVE_INFINITY;
  for (let first = 1; first <= sizes.length - count + 1; first++) {
    const own = first * sizes.slice(0, first).reduce((sum, size) => sum + size, 0);
    least = Math.min(least, own + leastCost(sizes.slice(first), count - 1));
  }
  return least;
}
