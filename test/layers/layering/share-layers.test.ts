import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { makeGraph } from "#graph";
import {
  annotationOf,
  type Layout,
  layoutOf,
  parseLayout,
  planLayers,
  type Strategy,
  shareLayers,
  steadyForSeries,
} from "#layering";
import { acyclicReferences, graphOf, type References } from "./graphs.ts";

const MB = 2 ** 20;

/** Store paths, all of one build unless it is said. */
const path = (name: string, build = 0) => `/nix/store/${String(build).repeat(32)}-${name}`;
const storeOf = (references: References) =>
  graphOf(
    Object.fromEntries(
      Object.entries(references).map(([name, ids]) => [path(name), ids.map((id) => path(id))]),
    ),
  );
const layout = (...layers: string[]): Layout => ({
  layers: layers.map((layer) => new Map(layer.split(" ").map((name) => [name, "0".repeat(16)]))),
});
const names = (groups: readonly (readonly string[])[]) =>
  groups.map((ids) => ids.map((id) => id.slice(id.lastIndexOf("/") + 34)).join(" ")).sort();

/** A strategy that has everything in one layer, which is bad. */
const together: Strategy = {
  name: "together",
  plan: ({ graph }) => [[...graph.components.keys()]],
};

const STORE: References = { libc: [], ssl: [], zlib: [], curl: [], app: [] };

function shared(others: readonly Layout[], available: number, sizes: Readonly<Record<string, number>> = {}) {
  const graph = storeOf(STORE);
  const bytes = new Map(Object.keys(STORE).map((name) => [path(name), Math.round((sizes[name] ?? 1) * MB)]));
  return names(shareLayers(others, together).plan({ graph, available, sizes: bytes }));
}

test("layers of other images that lie wholly in the graph are its own, and the rest is shared out beside them", () => {
  assert.deepEqual(shared([layout("libc zlib", "ssl gone")], 3), ["app ssl", "curl", "libc zlib"]);
  assert.deepEqual(shared([layout("libc zlib"), layout("curl ssl")], 3), ["app", "curl ssl", "libc zlib"]);
});

test("a layer with another version of something isn't had", () => {
  const other: Layout = {
    layers: [
      new Map([
        ["libc", "1".repeat(16)],
        ["zlib", "0".repeat(16)],
      ]),
    ],
  };
  assert.deepEqual(shared([other], 3), ["app curl libc ssl zlib"]);
});

test("of layers that overlap the largest is taken, and no more than 95% of what there may be", () => {
  const others = [layout("libc zlib", "curl ssl"), layout("libc ssl")];
  assert.deepEqual(shared(others, 3, { libc: 1.1, ssl: 1.1 }), ["app zlib", "curl", "libc ssl"]);
  // One layer is left for what only this image has.
  const single = layout("libc", "ssl", "zlib", "curl");
  const sizes = { libc: 50, ssl: 40, zlib: 30, curl: 20 };
  assert.deepEqual(shared([single], 4, sizes), ["app curl", "libc", "ssl", "zlib"]);
});

test("npm packages' layers are known by the hashes in an image's annotation", () => {
  const project = (versions: Readonly<Record<string, string>>) =>
    makeGraph(
      Object.entries(versions).map(([name, version]) => {
        const id = `node_modules/${name}`;
        return { id, path: `/${id}`, references: [], name, version };
      }),
      { kind: "npm", origin: "the test's graph" },
    );
  const ids = (...names: string[]) => names.map((name) => `node_modules/${name}`);
  const other = project({ a: "1.0.0", b: "1.0.0", c: "1.0.0", d: "1.0.0" });
  const annotation = annotationOf(other, [ids("a", "b"), ids("c", "d")]);
  const graph = project({ a: "1.0.0", b: "1.0.0", c: "1.0.0", d: "2.0.0", e: "1.0.0" });
  const plan = shareLayers([parseLayout(annotation, "the other")], together);
  const sizes = new Map([...graph.components.keys()].map((id) => [id, MB]));
  const { groups } = planLayers(graph, plan, { available: 4, sizes });
  assert.ok(
    groups.some((group) => group.join() === ids("a", "b").join()),
    JSON.stringify(groups),
  );
  assert.equal(groups.flat().length, 5);
});

test("whatever others have, each component is in one layer, and the plan is the same from whatever order", () => {
  fc.assert(
    fc.property(acyclicReferences, acyclicReferences, fc.integer({ min: 1, max: 9 }), (a, b, available) => {
      const [one, other] = [graphOf(a), graphOf(b)];
      const others = [
        layoutOf(other, planLayers(other, steadyForSeries, { available }).groups),
        layoutOf(one, planLayers(one, together, { available }).groups),
      ];
      const { groups } = planLayers(one, shareLayers(others, steadyForSeries), { available });
      assert.ok(groups.length <= available);
      assert.deepEqual(groups.flat().sort(), [...one.components.keys()].sort());
      const again = planLayers(
        graphOf(Object.fromEntries(Object.entries(a).reverse())),
        shareLayers(others.toReversed(), steadyForSeries),
        { available },
      );
      assert.deepEqual(again.groups, groups);
    }),
  );
});
