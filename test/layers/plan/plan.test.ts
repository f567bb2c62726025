import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { openDigestCache } from "#cache";
import { draftImage } from "#draft";
import { listRecipe, packLayer } from "#fs";
import { LAYOUT_ANNOTATION, parseLayout } from "#layering";
import { planImage } from "#plan";
import { checkSpec, type ImageSpecInput } from "#spec";
import { STILL } from "../../support/drafts.ts";
import { writeProject } from "../../support/npm-project.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import { dir } from "../../support/tree-arbitraries.ts";

/** A store of components, each a file of that many bytes, and what they refer to. */
async function storeOf(t: TestContext, components: Readonly<Record<string, readonly [number, ...string[]]>>) {
  const folder = await temporaryFolder(t);
  const path = (name: string) => `${folder}/${name}`;
  const graph = Object.entries(components).map(([name, [bytes, ...references]]) => {
    writeTree(path(name), { dir: { data: { file: bytes } } });
    return { path: path(name), references: references.map(path) };
  });
  writeFileSync(`${folder}/graph.json`, JSON.stringify(graph));
  const plan = async (fields: Partial<ImageSpecInput> = {}) =>
    planImage(checkSpec({ name: "image", graph: `${folder}/graph.json`, ...fields }));
  const groups = async (fields: Partial<ImageSpecInput> = {}) =>
    (await plan(fields)).groups.map((ids) => ids.map((id) => id.slice(folder.length + 1)).join(" "));
  return { folder, plan, groups, path };
}

const STORE = {
  "libc-2": [300_000],
  "data-1": [5_000_000],
  "lib-1": [50_000, "libc-2"],
  "app-1": [10_000, "lib-1", "data-1"],
  "tool-1": [10_000, "libc-2"],
} as const;

describe("the plan of an image", () => {
  it("is by steady, which begins as leader does in a store, unless the spec names another strategy", async (t) => {
    const { groups, path } = await storeOf(t, STORE);
    const maxLayers = 4;
    const byLeader = ["data-1", "libc-2", "app-1 lib-1 tool-1"];
    assert.deepEqual(await groups({ maxLayers }), byLeader);
    assert.deepEqual(await groups({ maxLayers, strategy: "leader" }), byLeader);
    assert.deepEqual(await groups({ maxLayers, strategy: "popularity" }), [
      "libc-2",
      "data-1",
      "lib-1 app-1 tool-1",
    ]);
    assert.deepEqual(await groups({ maxLayers: 3, strategy: "largest" }), [
      "data-1",
      "app-1 lib-1 libc-2 tool-1",
    ]);
    assert.deepEqual(await groups({ maxLayers, strategy: "auto" }), [
      "libc-2",
      "data-1",
      "app-1 lib-1 tool-1",
    ]);
    const pipeline = [
      ["subcomponent_out", [path("lib-1")]],
      ["over", "rest", ["popularity_contest"]],
    ];
    assert.deepEqual(await groups({ layeringPipeline: pipeline }), [
      "lib-1 libc-2",
      "data-1",
      "app-1",
      "tool-1",
    ]);
  });

  it("takes weights and pipelines from files, too", async (t) => {
    const { folder, groups } = await storeOf(t, STORE);
    const weights = { data: 1000 };
    writeFileSync(`${folder}/weights.json`, JSON.stringify(weights));
    const weighted = await groups({ weights });
    assert.deepEqual(weighted.indexOf("data-1") > weighted.indexOf("libc-2"), true);
    assert.deepEqual(await groups({ weights: `${folder}/weights.json` }), weighted);
    assert.notDeepEqual(await groups(), weighted);
    writeFileSync(`${folder}/pipeline.json`, JSON.stringify([["popularity_contest"], ["reverse"]]));
    assert.equal((await groups({ layeringPipeline: `${folder}/pipeline.json` })).at(-1), "libc-2");
    await assert.rejects(groups({ weights: `${folder}/none.json` }), { code: "NOT_FOUND" });
    await assert.rejects(groups({ layeringPipeline: [["best"]] }), { code: "INVALID_PIPELINE" });
    assert.throws(() => checkSpec({ name: "x", layeringPipeline: [], strategy: "leader" }), {
      code: "INVALID_SPEC",
      message:
        "the spec isn't as it should be at layeringPipeline: can't be there together with strategy, weights, layersFrom or sharedWith; leave one of them out",
    });
  });

  it("keeps to a layout in a file, and to a lock file that is there", async (t) => {
    const { folder, groups } = await storeOf(t, STORE);
    const layers = [{ data: "data-1", tool: "tool-1" }, { libc: "libc-2" }, { lib: "lib-1", app: "app-1" }];
    const lockFile = `${folder}/layers.lock.json`;
    assert.deepEqual(await groups({ maxLayers: 4, lockFile }), await groups({ maxLayers: 4 }));
    // Weights under which twenty updates don't make up for sending the data once more.
    const weights = { data: 1_000_000 };
    writeFileSync(lockFile, JSON.stringify({ version: 1, layers }));
    const kept = ["data-1 tool-1", "libc-2", "app-1 lib-1"];
    assert.deepEqual(
      (await groups({ maxLayers: 4, layersFrom: lockFile, weights })).toSorted(),
      kept.toSorted(),
    );
    assert.deepEqual((await groups({ maxLayers: 4, lockFile, weights })).toSorted(), kept.toSorted());
    writeFileSync(`${folder}/other.json`, JSON.stringify({ version: 1, layers: [] }));
    const other = await groups({ maxLayers: 4, layersFrom: `${folder}/other.json`, lockFile, weights });
    assert.notDeepEqual(other.toSorted(), kept.toSorted());
    writeFileSync(lockFile, "{}");
    await assert.rejects(groups({ lockFile }), { code: "INVALID_LAYOUT" });
  });

  it("is in the image as an annotation that can be read again, if it has components", async (t) => {
    const { folder } = await storeOf(t, STORE);
    const annotationOf = async (fields: Partial<ImageSpecInput>) => {
      const spec = checkSpec({ name: "image", ...fields });
      const draft = await draftImage(spec, STILL);
      return { text: draft.finish([]).annotations?.[LAYOUT_ANNOTATION], layout: draft.layout };
    };
    const { text, layout } = await annotationOf({ graph: `${folder}/graph.json` });
    assert.deepEqual(parseLayout(text!, "it"), layout);
    assert.deepEqual(layout.layers[0], new Map([["data", "data-1"]]));
    assert.equal((await annotationOf({})).text, undefined);
    assert.equal(
      (await annotationOf({ graph: `${folder}/graph.json`, annotations: { [LAYOUT_ANNOTATION]: "mine" } }))
        .text,
      "mine",
    );
  });

  it("doesn't count a lock file as part of the project that it lies in", async (t) => {
    const folder = `${await temporaryFolder(t)}/project`;
    writeProject(folder);
    const lockFile = `${folder}/layers.lock.json`;
    const sizes = async () =>
      (await planImage(checkSpec({ name: "x", graph: folder, lockFile }), { withSizes: true })).sizes?.sizes;
    const before = await sizes();
    writeFileSync(lockFile, `{ "version": 1, "layers": []${" ".repeat(10_000)}}`);
    assert.deepEqual(await sizes(), before);
  });
});

describe("sizes of components", () => {
  it("are the bytes of their tar, whatever the tree", async (t) => {
    const folder = await temporaryFolder(t);
    let count = 0;
    await fc.assert(
      fc.asyncProperty(dir, async (tree: Tree) => {
        const path = `${folder}/${count++}`;
        writeTree(path, tree);
        writeFileSync(`${folder}/graph.json`, JSON.stringify([{ path, references: [] }]));
        const spec = checkSpec({ name: "image", graph: `${folder}/graph.json` });
        const { sizes, placement } = await planImage(spec, { withSizes: true });
        const recipe = {
          items: placement.trees(path),
          owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
          mtime: 1,
          modes: "keep" as const,
          components: [path],
        };
        const archive = Buffer.concat(
          [...packLayer(recipe, { listings: listRecipe(recipe) })].map((chunk) => Buffer.from(chunk)),
        );
        const size = sizes!.sizes.get(path)!;
        assert.equal(archive.length, Math.ceil((size + 1024) / 10_240) * 10_240);
        assert.ok(archive.subarray(size).every((byte) => byte === 0));
      }),
      { numRuns: 30 },
    );
  });

  it("don't depend on where the files are on this machine, only on where they are in the image", async (t) => {
    const folder = await temporaryFolder(t);
    mkdirSync(`${folder}/${"deep/".repeat(30)}`, { recursive: true });
    const sizesIn = async (project: string) => {
      writeProject(project);
      const { sizes } = await planImage(checkSpec({ name: "image", graph: project }));
      return [...sizes!.sizes];
    };
    assert.deepEqual(
      await sizesIn(`${folder}/${"deep/".repeat(30)}project`),
      await sizesIn(`${folder}/project`),
    );
  });

  it("are known from the cache where the graph has a NAR hash, even if the files are gone", async (t) => {
    const folder = await temporaryFolder(t);
    const [hashed, other] = [`${folder}/hashed`, `${folder}/other`];
    for (const path of [hashed, other]) writeTree(path, { dir: { data: { file: 10_000 } } });
    const entries = [
      { path: hashed, narHash: "sha256:x", narSize: 5, references: [] },
      { path: other, references: [] },
    ];
    writeFileSync(`${folder}/graph.json`, JSON.stringify(entries));
    const spec = checkSpec({ name: "image", graph: `${folder}/graph.json` });
    const cache = openDigestCache({ folder: `${folder}/cache`, now: () => 0 });
    const sizes = async () => (await planImage(spec, { cache })).sizes;
    const before = await sizes();
    writeFileSync(`${other}/more`, "");
    rmSync(hashed, { recursive: true });
    const now = await sizes();
    assert.equal(now?.sizes.get(hashed), before?.sizes.get(hashed));
    assert.equal(now?.sizes.get(other), before!.sizes.get(other)! + 512);
    assert.deepEqual(now?.absent, []);
    assert.equal((await planImage(spec)).sizes?.sizes.get(hashed), 5);
  });

  it("are those of files, also where the graph has a NAR size, which stands in only for files that aren't there", async (t) => {
    const folder = await temporaryFolder(stacked(t));
    mkdirSync(`${folder}/here`);
    writeFileSync(`${folder}/here/data`, Buffer.alloc(1000));
    const entry = (name: string) => ({ path: `${folder}/${name}`, narSize: 77, references: [] });
    writeFileSync(`${folder}/graph.json`, JSON.stringify([entry("here"), entry("gone")]));
    const spec = checkSpec({ name: "image", graph: `${folder}/graph.json` });
    const { sizes } = await planImage(spec);
    assert.deepEqual(
      sizes?.sizes,
      new Map([
        [`${folder}/gone`, 77],
        [`${folder}/here`, 3 * 512 + 512],
      ]),
    );
    assert.deepEqual(sizes?.absent, [`${folder}/gone`]);
    // Popularity asks for none, and auto for those of NARs, so they read no directory.
    for (const strategy of ["popularity", "auto"] as const) {
      assert.equal((await planImage({ ...spec, strategy })).sizes, undefined);
    }
    writeFileSync(`${folder}/graph.json`, JSON.stringify([{ path: `${folder}/gone`, references: [] }]));
    await assert.rejects(planImage(spec), { code: "NOT_FOUND" });
    await assert.rejects(planImage({ ...spec, strategy: "auto" }), { code: "NOT_FOUND" });
  });
});
