import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";
import { layerCompression } from "#oci";
import {
  readBuiltLayers,
  stackBuiltLayers,
  writeBuiltLayers,
} from "../../../src/front/dockertools/built-layers.ts";
import { parseConfText, type StreamConf } from "../../../src/front/dockertools/conf.ts";
import { confDraft } from "../../../src/front/dockertools/draft.ts";
import { writeLayerFolder } from "../../../src/front/dockertools/layer-folder.ts";
import { confText, planStoreLayers } from "../../../src/front/dockertools/make-conf.ts";
import { readNixAttributes } from "../../../src/front/dockertools/nix-attributes.ts";
import { streamConf } from "../../../src/front/dockertools/stream.ts";
import { tarOf } from "../../support/docker-archive.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

const OWNER = { uid: 0, gid: 0, uname: "root", gname: "root" };
const sha256 = (bytes: Uint8Array) => `sha256:${createHash("sha256").update(bytes).digest("hex")}`;

/** A store with paths `a` to `d`, and a conf with a layer for each of `a b` and `c`, and one for `d`. */
async function scene(t: Scope, compression: "gzip" | "none" | "zstd" = "gzip") {
  const folder = await temporaryFolder(t);
  const storeDir = join(folder, "store");
  await mkdir(storeDir);
  const path = (name: string) => join(storeDir, name);
  for (const name of ["a", "b", "c", "d"]) {
    writeTree(path(name), { dir: { [name]: { file: 100_000 }, small: { file: name } } });
  }
  const layer = join(folder, "layer");
  const groups = [[path("a"), path("b")], [path("c")]];
  const packing = { owner: OWNER, mtime: 1, storeDir };
  await writeBuiltLayers(layer, groups, { ...packing, compression });
  const customisationLayer = join(folder, "customisation");
  await writeLayerFolder(
    customisationLayer,
    (async function* () {
      yield await tarOf({ "etc/passwd": { file: "root" } });
    })(),
  );
  const base = join(folder, "base.json");
  await writeFile(base, '{"architecture":"amd64","config":{},"os":"linux"}');
  const conf = async (builtLayers: readonly string[]): Promise<StreamConf> => {
    const text = await confText(base, {
      ...{ imageName: "app", imageTag: "1", created: "@1", mtime: "@1", ...OWNER, storeDir, fromImage: null },
      customisationLayer,
      storeLayers: [...groups, [path("d")]],
      builtLayers,
    });
    return parseConfText(text, { now: new Date(0), what: "conf" });
  };
  return { folder, layer, path, packing, conf, groups };
}

async function collected(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of chunks) parts.push(Buffer.from(chunk));
  return Buffer.concat(parts);
}

const all = async (layers: AsyncIterable<Layer | UnmeasuredLayer>) => await Array.fromAsync(layers);

describe("layers that are built", () => {
  it("are described with what an image needs to know, and kept as they are stored", async (t) => {
    const { layer, groups } = await scene(t);
    const { version, layers } = JSON.parse(await readFile(join(layer, "layers.json"), "utf8"));
    assert.equal(version, 1);
    assert.deepEqual(
      layers.map(({ paths }: { paths: string[] }) => paths),
      groups,
    );
    for (const { diffId, size, blob } of layers) {
      const bytes = await readFile(join(layer, "blobs", blob.digest.replace(":", "/")));
      assert.deepEqual([sha256(bytes), bytes.length], [blob.digest, blob.size]);
      const plain = gunzipSync(bytes);
      assert.deepEqual([sha256(plain), plain.length], [diffId, size]);
    }
  });

  it("may be described only", async (t) => {
    const [kept, described] = [await scene(t), await scene(t, "none")];
    const [blob] = (await readBuiltLayers(kept.layer)).map((layer) => layer.blob);
    assert.equal(layerCompression(blob!.descriptor.mediaType), "gzip");
    const [layer] = await readBuiltLayers(described.layer);
    assert.equal(layer!.blob, undefined);
    assert.ok(layer!.told.size > 200_000);
  });

  it("are the same layers in the stream of an image, and give it the same ID", async (t) => {
    const { layer, conf } = await scene(t);
    const [plain, built] = [await conf([]), await conf([layer])];
    const bytes = await collected(streamConf(plain));
    assert.ok(bytes.equals(await collected(streamConf(built))));
    const ids = [plain, built].map(async (one) => {
      const draft = await confDraft(one);
      const layers = (await all(draft.layers())) as Layer[];
      return draft.finish(layers).config.descriptor.digest;
    });
    assert.equal(await ids[0], await ids[1]);
  });

  it("are known before a file of theirs is read, and go to a registry as they are kept", async (t) => {
    const { layer, conf, path } = await scene(t);
    const draft = await confDraft(await conf([layer]));
    for (const name of ["a", "b", "c"]) await rm(path(name), { recursive: true });
    const { layers } = JSON.parse(await readFile(join(layer, "layers.json"), "utf8"));
    const [first, second, third, last] = await all(draft.unmeasuredLayers!());
    for (const [at, one] of [first!, second!].entries()) {
      assert.ok(!isUnmeasured(one));
      assert.deepEqual(one.descriptor, layers[at].blob);
      assert.equal(one.diffId, layers[at].diffId);
      assert.equal(sha256(await collected(one.open())), layers[at].blob.digest);
    }
    assert.ok(isUnmeasured(third!));
    assert.ok(!isUnmeasured(last!));
    const plain = draft.layers()[Symbol.asyncIterator]();
    for (const { diffId, size } of layers) {
      const { value } = await plain.next();
      assert.deepEqual([value.diffId, value.descriptor.size], [diffId, size]);
    }
    await plain.return?.();
  });

  it("are compressed anew where another compression is asked for", async (t) => {
    const { layer, conf } = await scene(t);
    const kinds = async (compression?: { algorithm: "gzip" | "zstd"; level?: number }) => {
      const draft = await confDraft(await conf([layer]), { compression });
      return (await all(draft.unmeasuredLayers!())).map((one) => !isUnmeasured(one) && one.keep === true);
    };
    assert.deepEqual(await kinds(), [true, true, false, false]);
    assert.deepEqual(await kinds({ algorithm: "gzip" }), [true, true, false, false]);
    assert.deepEqual(await kinds({ algorithm: "gzip", level: 9 }), [false, false, false, false]);
    assert.deepEqual(await kinds({ algorithm: "zstd" }), [false, false, false, false]);
  });

  it("have the owner and the time that they were built with", async (t) => {
    const { folder, groups, packing, conf } = await scene(t);
    const other = join(folder, "other");
    const owner = { uid: 7, gid: 8, uname: "jane", gname: "users" };
    await writeBuiltLayers(other, groups, { ...packing, owner, mtime: 99, compression: "none" });
    const draft = await confDraft(await conf([other]));
    const [first, , third] = (await all(draft.layers())) as Layer[];
    const header = (await collected(first!.open())).subarray(0, 512).toString("latin1");
    assert.match(header, /jane\0+users/);
    assert.match((await collected(third!.open())).subarray(0, 512).toString("latin1"), /root\0+root/);
  });

  it("fail an image with a sentence where the store has other files than were measured", async (t) => {
    const { layer, conf, path } = await scene(t);
    await writeFile(join(path("c"), "small"), "C");
    const draft = await confDraft(await conf([layer]));
    const [first, second] = (await all(draft.layers())) as Layer[];
    await collected(first!.open());
    await assert.rejects(collected(second!.open()), {
      code: "DIGEST_MISMATCH",
      message: new RegExp(`^the layer of ${path("c")} isn't what ${layer}/layers.json says`),
    });
    await writeFile(join(layer, "layers.json"), '{"version":2}');
    await assert.rejects(readBuiltLayers(layer), {
      code: "INVALID_CONF",
      message: /layers\.json .* version/,
    });
  });

  it("have each path once when they are on top of each other, and nothing is planned that they have", async (t) => {
    const { folder, layer, packing, path } = await scene(t);
    const build = async (name: string, groups: string[][]) => {
      await writeBuiltLayers(join(folder, name), groups, { ...packing, compression: "none" });
      return join(folder, name);
    };
    const apart = await build("apart", [[path("d")]]);
    const overlapping = await build("overlapping", [[path("a"), path("d")], [path("b")]]);
    const stack = async (...folders: string[]) => {
      const { groups, held, repacked } = await stackBuiltLayers(folders);
      return { groups, held: [...held].sort(), repacked };
    };
    const [a, b, c, d] = ["a", "b", "c", "d"].map(path) as [string, string, string, string];
    assert.deepEqual(await stack(layer, apart), {
      groups: [[a, b], [c], [d]],
      held: [a, b, c, d],
      repacked: [],
    });
    assert.deepEqual(await stack(layer, layer), { groups: [[a, b], [c]], held: [a, b, c], repacked: [] });
    assert.deepEqual(await stack(layer, overlapping), {
      groups: [[a, b], [c], [d]],
      held: [a, b, c, d],
      repacked: [overlapping],
    });
  });
});

describe("the plan beside built layers", () => {
  const STORE = "/nix/store/00000000000000000000000000000000-";
  const [a, b, c] = ["a", "b", "c"].map((name) => `${STORE}${name}`) as [string, string, string];

  async function plan(
    t: Scope,
    held: readonly string[],
    { maxLayers, layers }: { maxLayers: number; layers: number },
  ) {
    const file = join(await temporaryFolder(t), ".attrs.json");
    await writeFile(
      file,
      JSON.stringify({
        ...{
          outputs: { out: `${STORE}conf.json` },
          imageName: "app",
          imageTag: "1",
          created: "@1",
          mtime: "@1",
        },
        ...{ ...OWNER, storeDir: "/nix/store", fromImage: null, baseJson: "/base.json" },
        ...{ customisationLayer: "/layer", exclude: [], maxLayers, pipeline: null },
        graph: [
          { path: a, narSize: 100, references: [] },
          { path: b, narSize: 100, references: [a] },
          { path: c, narSize: 100, references: [a, b] },
        ],
      }),
    );
    return await planStoreLayers(await readNixAttributes("conf", file), { layers, held: new Set(held) });
  }

  it("has what is left, within the layers that are left", async (t) => {
    assert.deepEqual(await plan(t, [a], { maxLayers: 100, layers: 1 }), [[b], [c]]);
    assert.deepEqual(await plan(t, [a], { maxLayers: 3, layers: 1 }), [[b, c]]);
    await assert.rejects(plan(t, [a], { maxLayers: 2, layers: 1 }), { code: "NO_LAYERS_LEFT" });
  });

  it("needs no layer where nothing is left", async (t) => {
    assert.deepEqual(await plan(t, [a, b, c], { maxLayers: 3, layers: 3 }), []);
  });
});
