import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { type Component, makeGraph } from "#graph";
import { annotationOf, keepLayout, type Layout, layoutOf, leader, parseLayout, planLayers } from "#layering";

/** A project with so many packages, all in one version. */
function projectOf(count: number, version = "1.0.0") {
  const names = Array.from({ length: count }, (_, at) => `package-number-${at}`);
  const components = names.map(
    (name): Component => ({ id: `node_modules/${name}`, path: `/p/${name}`, references: [], name, version }),
  );
  const own = { id: ".", path: "/p", references: [], name: "project", version: "0.1.0" };
  const graph = makeGraph([...components, own], { kind: "npm", origin: "a test" });
  const sizes = new Map([...graph.components.keys()].map((id, at) => [id, (at + 1) ** 2 * 1000]));
  return { graph, sizes };
}

test("a Node project's layout in an image is short", () => {
  const { graph, sizes } = projectOf(300);
  const { groups } = planLayers(graph, leader, { available: 20, sizes });
  assert.ok(annotationOf(graph, groups).length < 1500);
});

test("it says as much as a plan needs to be the same again", () => {
  const { graph, sizes } = projectOf(200);
  const { groups } = planLayers(graph, leader, { available: 20, sizes });
  const turned = [...groups.slice(0, -1).reverse(), groups.at(-1)!];
  const planned = (layout: Parameters<typeof keepLayout>[0]) =>
    planLayers(graph, keepLayout(layout, leader), { available: 20, sizes }).groups;
  assert.deepEqual(planned(layoutOf(graph, turned)), turned);
  assert.deepEqual(planned(parseLayout(annotationOf(graph, turned), "it")), turned);
});

test("it leads to the plan that the full layout leads to, whatever has changed since", () => {
  const arbitrary = fc.record({
    places: fc.array(fc.nat(7), { minLength: 24, maxLength: 24 }),
    changed: fc.array(fc.nat(23), { maxLength: 12 }),
    available: fc.integer({ min: 2, max: 9 }),
  });
  fc.assert(
    fc.property(arbitrary, ({ places, changed, available }) => {
      const before = projectOf(24).graph;
      const groups = Map.groupBy([...before.components.keys()], (_, at) => places[at] ?? 8);
      const components = [...before.components.values()].map((component, at) =>
        changed.includes(at) ? { ...component, version: "2.0.0" } : component,
      );
      const graph = makeGraph(components, { kind: "npm", origin: "a test" });
      const sizes = new Map([...graph.components.keys()].map((id, at) => [id, 100_000 + at * 10_000]));
      const planned = (layout: Layout) =>
        planLayers(graph, keepLayout(layout, leader), { available, sizes }).groups;
      const last = [...groups.values()].map((ids) => ids.sort());
      assert.deepEqual(
        planned(parseLayout(annotationOf(before, last), "it")),
        planned(layoutOf(before, last)),
      );
    }),
  );
});

test("it is known what has no version", () => {
  const { graph } = projectOf(1);
  const { layers, hashes } = parseLayout(
    annotationOf(graph, [["node_modules/package-number-0"], ["."]]),
    "it",
  );
  assert.deepEqual(
    layers.map((layer) => [...layer.values()].map((state) => state !== "")),
    [[true], [false]],
  );
  assert.deepEqual(
    hashes?.map((hash) => hash !== undefined),
    [true, false],
  );
});

test("a layout of store paths is in full", () => {
  const graph = makeGraph([{ id: "/nix/store/a-1", path: "/a", references: [] }], {
    kind: "nix",
    origin: "a test",
  });
  assert.equal(parseLayout(annotationOf(graph, [["/nix/store/a-1"]]), "it").hashes, undefined);
});

test("a short layout that varve didn't write is refused", () => {
  for (const layer of ["", "abc", "abcdef:abc", "abcdef:abc$", "abcdef:abcd ", ":ab=d"]) {
    assert.throws(
      () => parseLayout(JSON.stringify({ version: 2, layers: [layer] }), "it.json"),
      { code: "INVALID_LAYOUT", message: /^it\.json/ },
      layer,
    );
  }
});
