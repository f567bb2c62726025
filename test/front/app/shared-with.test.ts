import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { build, thisMachine } from "#app";
import { FakeRegistry } from "#testing";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** More than what is compressed in memory before it is sent, as a push compresses small layers. */
const LARGE = 17 * 1024 * 1024;

describe("a large layer that an earlier image has", () => {
  /** What the spec says, for the first image and then for one that names it. */
  type Says = (folder: string, earlier?: string) => object;
  const layersFrom: Says = () => ({ layersFrom: "destination" });
  const sharedWith: Says = (_, earlier) => (earlier === undefined ? {} : { sharedWith: [earlier] });
  const lockFile: Says = (folder) => ({ lockFile: `${folder}/lock.json` });
  for (const [where, second, outcome, says] of [
    ["into the same repository", "shop:1", "present", layersFrom],
    ["into another repository", "api:1", "mounted", sharedWith],
    ["under another tag, with a lock file", "shop:2", "present", lockFile],
  ] as const)
    it(`isn't sent again ${where}, by a machine that knows nothing of it`, async (t) => {
      const folder = await temporaryFolder(t);
      const registry = await new FakeRegistry().start();
      t.after(() => registry.stop());
      writeTree(`${folder}/large-1`, { dir: { data: { file: LARGE } } });
      for (const name of ["b-1", "b-2"]) writeTree(`${folder}/${name}`, { dir: { name: { file: name } } });
      const buildTo = async (to: string, small: string, earlier?: string) => {
        const machine = thisMachine({ cache: false });
        t.after(() => machine[Symbol.asyncDispose]());
        const paths = ["large-1", small].map((name) => ({ path: `${folder}/${name}`, references: [] }));
        writeFileSync(`${folder}/graph.json`, JSON.stringify(paths));
        const spec = { name: "app", graph: `${folder}/graph.json`, maxLayers: 4 };
        const { places } = await build(
          { ...spec, ...says(folder, earlier) },
          { machine, to: [`docker://${registry.host}/${to}`] },
        );
        return places[0]!.layers.toSorted((a, b) => b.size - a.size)[0]!.outcome;
      };
      assert.equal(await buildTo("shop:1", "b-1"), "written");
      registry.requests.length = 0;
      assert.equal(await buildTo(second, "b-2", `docker://${registry.host}/shop:1`), outcome);
      const sent = registry.requests.filter(
        ({ method, path }) => method === "PUT" && path.includes("/blobs/"),
      );
      // The small layer, and the config.
      assert.equal(sent.length, 2);
    });

  it("is sent to a registry that hasn't got it, and written wherever else the image goes", async (t) => {
    const folder = await temporaryFolder(t);
    const registries = [await new FakeRegistry().start(), await new FakeRegistry().start()] as const;
    t.after(() => Promise.all(registries.map((registry) => registry.stop())));
    writeTree(`${folder}/large-1`, { dir: { data: { file: LARGE } } });
    const graph = `${folder}/graph.json`;
    writeFileSync(graph, JSON.stringify([{ path: `${folder}/large-1`, references: [] }]));
    const [here, there] = registries.map(({ host }) => `docker://${host}/shop:1`) as [string, string];
    const buildTo = async (to: readonly string[], more: object = {}) => {
      const machine = thisMachine({ cache: false });
      t.after(() => machine[Symbol.asyncDispose]());
      const { places } = await build({ name: "app", graph, ...more }, { machine, to });
      return places.map(({ layers }) => layers.toSorted((a, b) => b.size - a.size)[0]!.outcome);
    };
    await buildTo([here]);
    const places = [here, there, `oci:${folder}/layout:1`];
    assert.deepEqual(await buildTo(places, { layersFrom: here }), ["present", "written", "written"]);
  });
});

describe("sharedWith", () => {
  it("mounts the layers of an image in another repository of the registry, of which this machine knows nothing", async (t) => {
    const folder = await temporaryFolder(t);
    const registry = await new FakeRegistry().start();
    t.after(() => registry.stop());
    for (const name of ["a-1", "b-1", "c-1", "d-1"])
      writeTree(`${folder}/${name}`, { dir: { data: { file: 100_000 } } });
    const buildOn = async (name: string, parts: readonly string[], sharedWith: readonly string[]) => {
      const machine = thisMachine({ cache: false });
      t.after(() => machine[Symbol.asyncDispose]());
      const graph = `${folder}/${name}.json`;
      writeFileSync(
        graph,
        JSON.stringify(parts.map((part) => ({ path: `${folder}/${part}-1`, references: [] }))),
      );
      const to = [`docker://${registry.host}/${name}:1`];
      const { places } = await build({ name, graph, maxLayers: 4, sharedWith }, { machine, to });
      return places[0]!.layers.map(({ outcome }) => outcome);
    };
    await buildOn("shop", ["a", "b", "c"], []);
    registry.requests.length = 0;
    const outcomes = await buildOn("api", ["a", "b", "d"], [`docker://${registry.host}/shop:1`]);
    // Those of a, b and the root, and that of d.
    assert.deepEqual(outcomes.toSorted(), ["mounted", "mounted", "mounted", "written"]);
    const sent = registry.requests.filter(({ method, path }) => method === "PUT" && path.includes("/blobs/"));
    // That of d, and the config.
    assert.equal(sent.length, 2);
  });
});
