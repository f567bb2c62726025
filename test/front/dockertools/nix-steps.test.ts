import assert from "node:assert/strict";
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { bytesSource } from "#util";
import { parseConfText } from "../../../src/front/dockertools/conf.ts";
import { confDraft } from "../../../src/front/dockertools/draft.ts";
import { withStorePaths, writeLayerFolder } from "../../../src/front/dockertools/layer-folder.ts";
import { confText, imageTag, planStoreLayers } from "../../../src/front/dockertools/make-conf.ts";
import { readNixAttributes } from "../../../src/front/dockertools/nix-attributes.ts";
import { digest, tarOf } from "../../support/docker-archive.ts";
import { names } from "../../support/tar.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

const FIELDS = {
  imageName: "app",
  imageTag: "1",
  created: "1970-01-01T00:00:01Z",
  mtime: "now",
  uid: 0,
  gid: "7",
  uname: "root",
  gname: "wheel",
  storeDir: "/nix/store",
  fromImage: null,
  customisationLayer: "/nix/store/layer",
  storeLayers: [["/nix/store/a"]],
};

const STORE = "/nix/store/00000000000000000000000000000000-";

async function attributesFile(t: Scope, changes: object): Promise<string> {
  const file = join(await temporaryFolder(t), ".attrs.json");
  const attributes = {
    outputs: { out: `${STORE}conf.json` },
    ...FIELDS,
    imageTag: null,
    baseJson: "/base.json",
    exclude: [`${STORE}layer`],
    maxLayers: 100,
    pipeline: null,
    graph: ["a", "b", "layer"].map((name) => ({
      path: `${STORE}${name}`,
      references: name === "layer" ? [`${STORE}a`, `${STORE}b`] : [],
    })),
    ...changes,
  };
  await writeFile(file, JSON.stringify(attributes));
  return file;
}

describe("a conf from Nix' structured attributes", () => {
  async function conf(t: Scope, base: string, changes: Partial<typeof FIELDS> = {}) {
    const file = join(await temporaryFolder(t), "base.json");
    await writeFile(file, base);
    return await confText(file, { ...FIELDS, ...changes });
  }

  it("keeps the text of the config as it is, and adds the rest", async (t) => {
    const text = await conf(t, '{"architecture":"amd64","config":{"n":1.50,"n":2},"os":"linux"}');
    assert.ok(text.startsWith('{"architecture":"amd64","config":{"n":1.50,"n":2},"os":"linux","store_dir":'));
    const { uid, gid, repo_tag, from_image, store_layers } = JSON.parse(text);
    assert.deepEqual(
      { uid, gid, repo_tag, from_image, store_layers },
      { uid: "0", gid: "7", repo_tag: "app:1", from_image: null, store_layers: [["/nix/store/a"]] },
    );
  });

  it("writes times as Python does, in UTC to the second, and leaves now to the stream", async (t) => {
    for (const [given, written] of [
      ["1970-01-01T00:00:01Z", "1970-01-01T00:00:01+00:00"],
      ["2024-02-29", "2024-02-29T00:00:00+00:00"],
      ["2024-02-29 12:00", "2024-02-29T12:00:00+00:00"],
      ["2024-02-29T12:00:00.7+02:00", "2024-02-29T10:00:00+00:00"],
      ["@86400", "1970-01-02T00:00:00+00:00"],
      ["now", "now"],
    ]) {
      assert.equal(JSON.parse(await conf(t, '{"os":"linux"}', { created: given! })).created, written);
    }
    for (const wrong of ["yesterday", "", "2024-13-01", "@"]) {
      await assert.rejects(conf(t, '{"os":"linux"}', { created: wrong }), {
        code: "INVALID_CONF",
        message: /created/,
      });
    }
  });

  it("has the output's hash for a tag where none is given", async (t) => {
    assert.equal(imageTag(await readNixAttributes("conf", await attributesFile(t, {}))), "0".repeat(32));
    assert.equal(imageTag(await readNixAttributes("conf", await attributesFile(t, { imageTag: "x" }))), "x");
  });

  it("plans a layer for each path but those that are made for the image's sake", async (t) => {
    const plan = async (changes: object, baseLayers = 0) =>
      await planStoreLayers(await readNixAttributes("conf", await attributesFile(t, changes)), {
        layers: baseLayers,
      });
    assert.deepEqual(await plan({}), [[`${STORE}a`], [`${STORE}b`]]);
    assert.deepEqual(await plan({ maxLayers: 3 }, 1), [[`${STORE}a`, `${STORE}b`]]);
    assert.deepEqual(
      await plan({ maxLayers: null, pipeline: [["split_paths", [`${STORE}b`]], ["flatten"]] }),
      [[`${STORE}b`], [`${STORE}a`]],
    );
    await assert.rejects(plan({ maxLayers: 3 }, 2), {
      code: "NO_LAYERS_LEFT",
      message: /usedLayers 3 .* maxLayers=3/,
    });
    // Without store paths nothing needs a layer.
    assert.deepEqual(await plan({ graph: undefined, maxLayers: 3 }, 9), []);
  });

  it("plans as nixpkgs does, which leaves out last what is made for the image's sake", async (t) => {
    const [a, b, c, layer] = ["a", "b", "c", "layer"].map((name) => `${STORE}${name}`) as [
      string,
      ...string[],
    ];
    const entry = (path: string, narSize: number, ...references: string[]) => ({ path, narSize, references });
    const graph = [entry(a, 1000), entry(b!, 5000), entry(c!, 1000), entry(layer!, 10_680, a, b!)];
    const file = await attributesFile(t, { graph, maxLayers: 3 });
    assert.deepEqual(await planStoreLayers(await readNixAttributes("conf", file), { layers: 0 }), [
      [c],
      [a, b],
    ]);
  });

  it("names the image and the argument that is wrong", async (t) => {
    const file = await attributesFile(t, { uid: [] });
    await assert.rejects(readNixAttributes("conf", file), {
      code: "INVALID_SPEC",
      message: /^the image app isn't as it should be at uid: /,
    });
  });

  it("may have an empty tag, with which the image has no name that an engine takes", async (t) => {
    const attributes = await readNixAttributes("conf", await attributesFile(t, { imageTag: "" }));
    assert.equal(imageTag(attributes), "");
    const text = await conf(t, '{"architecture":"amd64","config":{},"os":"linux"}', { imageTag: "" });
    const parsed = parseConfText(text, { now: new Date(0), what: "conf" });
    assert.equal(parsed.repoTag, "app:");
    const draft = await confDraft({ ...parsed, storeLayers: [] });
    assert.deepEqual(draft.finish([]).names, []);
  });
});

describe("a layer's folder", () => {
  it("holds the layer and its checksum", async (t) => {
    const folder = join(await temporaryFolder(t), "layer");
    await writeLayerFolder(folder, bytesSource(Buffer.from("bytes")).open());
    assert.equal(await readFile(join(folder, "layer.tar"), "utf8"), "bytes");
    assert.equal(`sha256:${await readFile(join(folder, "checksum"), "utf8")}`, `${digest("bytes")}\n`);
  });

  it("keeps a store path that it has, and isn't given it again", async (t) => {
    const work = await temporaryFolder(t);
    const [folder, storeDir] = [join(work, "layer"), join(work, "store")];
    await mkdir(folder);
    await mkdir(storeDir);
    const [a, b] = [join(storeDir, "a"), join(storeDir, "b")];
    for (const path of [a, b]) writeTree(path, { file: "from the store" });
    await writeFile(join(folder, "layer.tar"), await tarOf({ [`.${a}`]: { file: "the layer's" } }));
    const chunks: Buffer[] = [];
    for await (const chunk of withStorePaths(folder, [a, b], { storeDir, mtime: 1 })) {
      chunks.push(Buffer.from(chunk));
    }
    assert.deepEqual(await names(Buffer.concat(chunks)), [`.${a}`, "/nix", "/nix/store", b]);
  });

  it("is joined with store paths to one archive, in which no directory is twice", async (t) => {
    const work = await temporaryFolder(t);
    const [folder, storeDir] = [join(work, "layer"), join(work, "store")];
    await mkdir(folder);
    await mkdir(storeDir);
    writeTree(join(storeDir, "a"), { dir: { bin: { dir: { big: { file: 3_000_000 } } }, x: { file: "x" } } });
    const own = await tarOf({ "./etc/passwd": { file: "root" }, "nix/store": { file: "" } });
    await writeFile(join(folder, "layer.tar"), own);
    const chunks: Buffer[] = [];
    // As a writer does that writes one chunk while it asks for the next.
    let last: Uint8Array | undefined;
    for await (const chunk of withStorePaths(folder, [join(storeDir, "a")], { storeDir, mtime: 1 })) {
      if (last !== undefined) chunks.push(Buffer.from(last));
      last = chunk;
    }
    chunks.push(Buffer.from(last!));
    const joined = Buffer.concat(chunks);
    assert.equal(joined.length % 10240, 0);
    const path = join(storeDir, "a");
    assert.deepEqual(await names(joined), [
      "./etc/passwd",
      "nix/store",
      "/nix",
      path,
      `${path}/bin`,
      `${path}/bin/big`,
      `${path}/x`,
    ]);
    const content = joined.indexOf("varve is a thin layer; ");
    assert.deepEqual(joined.subarray(content, content + 3_000_000), await readFile(join(path, "bin/big")));
  });
});
