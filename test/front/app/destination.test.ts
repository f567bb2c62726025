import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { build, inspect, plan, thisMachine } from "#app";
import { draftOf } from "#image";
import { FakeRegistry, madeImage } from "#testing";
import { writeImage } from "#write";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** A store of four that are alike, of which any two go together as well as others, and a registry. */
async function world(t: TestContext) {
  const folder = await temporaryFolder(t);
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  const machine = thisMachine({ cache: `${folder}/cache` });
  t.after(() => machine[Symbol.asyncDispose]());
  const names = ["a-1", "b-1", "c-1", "d-1"];
  for (const name of names) writeTree(`${folder}/${name}`, { dir: { data: { file: 100_000 } } });
  const graph = names.map((name) => ({ path: `${folder}/${name}`, references: [] }));
  writeFileSync(`${folder}/graph.json`, JSON.stringify(graph));
  const layout = {
    version: 1,
    layers: [
      { a: "a-1", d: "d-1" },
      { b: "b-1", c: "c-1" },
    ],
  };
  writeFileSync(`${folder}/layers.json`, JSON.stringify(layout));
  const spec = { name: "app", graph: `${folder}/graph.json`, maxLayers: 3 };
  const place = `docker://${registry.host}/app:1`;
  const layersOf = async (at: string) => {
    const { description } = await inspect(at, { machine });
    const ids = description.layers.map(({ components }) => components);
    return ids
      .map((each) => each.map((id) => id.slice(folder.length + 1)).join(" "))
      .filter(Boolean)
      .sort();
  };
  return { folder, machine, spec, place, layersOf, registry };
}

const KEPT = ["a-1 d-1", "b-1 c-1"];

describe('layersFrom "destination"', () => {
  it("keeps to the layout of the image that is where this one goes, and begins anew where there is none", async (t) => {
    const { folder, machine, spec, place, layersOf, registry } = await world(t);
    const series = { ...spec, layersFrom: "destination" as const };
    await build(series, { machine, to: [place] });
    const fresh = await layersOf(place);
    assert.notDeepEqual(fresh, KEPT);
    await build({ ...spec, layersFrom: `${folder}/layers.json` }, { machine, to: [place] });
    assert.deepEqual(await layersOf(place), KEPT);
    // The first place in a registry is the one, wherever else the image goes.
    const other = `docker://${registry.host}/other:1`;
    await build(series, { machine, to: [`oci:${folder}/layout:1`, place, other] });
    for (const at of [`oci:${folder}/layout:1`, place, other]) assert.deepEqual(await layersOf(at), KEPT);
    await build(series, { machine, to: [`docker://${registry.host}/new:1`, place] });
    assert.deepEqual(await layersOf(place), fresh);
  });

  it("begins anew on an image that varve hasn't built, and says so", async (t) => {
    const { machine, spec, place, layersOf } = await world(t);
    const foreign = await madeImage([{ entries: { "etc/name": "foreign" } }]);
    await writeImage(draftOf(foreign), [await machine.transports.sink(place)]);
    const notes: string[] = [];
    await build(
      { ...spec, layersFrom: "destination" },
      { machine, to: [place], onNote: (note) => notes.push(note) },
    );
    assert.match(notes.join("\n"), /app:1 has no layout to keep to, since varve hasn't built it/);
    assert.equal((await layersOf(place)).length, 2);
  });

  it("is refused where the image goes to no registry, and a registry that fails is no missing image", async (t) => {
    const { folder, machine, spec, place, registry } = await world(t);
    const series = { ...spec, layersFrom: "destination" as const };
    await assert.rejects(build(series, { machine, to: [`oci:${folder}/layout:1`] }), {
      code: "USAGE",
      message: /^layersFrom is "destination", but the image goes to no registry/,
    });
    registry.quirk = async (_, response) => {
      response.writeHead(403).end();
      return true;
    };
    await assert.rejects(build(series, { machine, to: [place] }), { code: /^(?!USAGE)/ });
  });

  it("is the image that a plan is compared with", async (t) => {
    const { folder, machine, spec, place } = await world(t);
    await build({ ...spec, layersFrom: `${folder}/layers.json` }, { machine, to: [place] });
    const series = { ...spec, layersFrom: "destination" as const };
    const { report } = await plan(series, { machine, against: [place] });
    assert.deepEqual([report.plan.name, report.against[0]!.sent.layers], ["steady, with the last layout", 0]);
    assert.equal((await plan(series, { machine })).report.plan.name, "steady");
  });
});
