import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { draftImage } from "#draft";
import type { Layer } from "#image";
import { layerNumbers, planImage } from "#plan";
import { checkSpec, type ImageSpecInput } from "#spec";
import { madeImage } from "#testing";
import { STILL } from "../../support/drafts.ts";
import { writeProject } from "../../support/npm-project.ts";
import { names } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** A base of so many layers. */
const baseOf = (count: number) =>
  madeImage(Array.from({ length: count }, (_, at) => ({ entries: { [`base/${at}`]: "" } })));

/** What is in each layer of a project's image: its files, but for the folders above them. */
async function layersOf(t: TestContext, fields: (folder: string) => Partial<ImageSpecInput> = () => ({})) {
  const folder = await temporaryFolder(t);
  writeProject(`${folder}/project`);
  const build = async () => {
    const spec = checkSpec({ name: "image", graph: `${folder}/project`, ...fields(folder) });
    const base = await baseOf(2);
    await using draft = await draftImage(spec, { ...STILL, base });
    const layers: Layer[] = [];
    for await (const layer of draft.layers()) layers.push(layer);
    const plan = await planImage(spec, { base });
    const numbers = layerNumbers(plan, plan.groups);
    for (const [at, ids] of plan.groups.entries())
      assert.deepEqual(layers[numbers[at]! - 1]!.components, ids);
    return layers.slice(2);
  };
  return { folder, build };
}

async function filesOf(layers: readonly Layer[]): Promise<string[]> {
  const files: string[] = [];
  for (const layer of layers) {
    const chunks: Buffer[] = [];
    for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
    const found = await names(Buffer.concat(chunks));
    files.push(found.filter((name) => /\.\w+$|hosts$/.test(name)).join(" "));
  }
  return files;
}

describe("the layers of a Node project's image", () => {
  const OWN = "/app/index.js /app/package-lock.json /app/package.json";
  const INSTALLED =
    "/app/node_modules/base/a.js /app/node_modules/base/package.json /app/node_modules/dep/package.json /app/node_modules/dep/run.js";

  it("end with its own files, and there is none without files", async (t) => {
    const { build } = await layersOf(t);
    assert.deepEqual(await filesOf(await build()), [INSTALLED, OWN]);
  });

  it("are the same but for the last after one changed line", async (t) => {
    const { folder, build } = await layersOf(t);
    const before = await build();
    writeFileSync(`${folder}/project/index.js`, "another line");
    const after = await build();
    const same = after.map(({ diffId }, at) => diffId === before[at]!.diffId);
    assert.deepEqual(same, [true, false]);
  });

  it("have what is put into the root below its own files", async (t) => {
    const { folder, build } = await layersOf(t, (folder) => ({ copyToRoot: `${folder}/more` }));
    writeTree(`${folder}/more`, { dir: { etc: { dir: { hosts: { file: "" } } } } });
    assert.deepEqual(await filesOf(await build()), [INSTALLED, "/etc/hosts", OWN]);
  });

  it("have it above where it would be hidden", async (t) => {
    const { folder, build } = await layersOf(t, (folder) => ({ copyToRoot: `${folder}/more` }));
    writeTree(`${folder}/more`, { dir: { app: { dir: { "index.js": { file: "instead" } } } } });
    assert.deepEqual(await filesOf(await build()), [INSTALLED, OWN, "/app/index.js"]);
  });

  it("have the root's alone where components are left out", async (t) => {
    const { build } = await layersOf(t, () => ({ includeStorePaths: false }));
    assert.deepEqual(await filesOf(await build()), [""]);
  });
});

describe("how many layers a Node project has", () => {
  it("is two where no more may be: what is installed, and its own files", async (t) => {
    const { build } = await layersOf(t, () => ({ maxLayers: 4 }));
    assert.equal((await build()).length, 2);
  });

  it("is one where no more may be", async (t) => {
    const { build } = await layersOf(t, () => ({ maxLayers: 3 }));
    assert.equal((await build()).length, 1);
  });

  it("is 20 at most besides the base's, and 100 at most with these", async (t) => {
    const { folder } = await layersOf(t);
    const budgetOn = async (layers: number) =>
      (
        await planImage(checkSpec({ name: "image", graph: `${folder}/project` }), {
          base: await baseOf(layers),
        })
      ).budget;
    assert.deepEqual(await budgetOn(5), { maxLayers: 25, usedLayers: 5, available: 20 });
    assert.deepEqual(await budgetOn(95), { maxLayers: 100, usedLayers: 95, available: 5 });
  });
});
