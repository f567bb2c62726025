import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { build, thisMachine } from "#app";
import { FakeRegistry } from "#testing";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

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
