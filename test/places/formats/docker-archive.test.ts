import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { VarveError } from "#errors";
import { DockerArchive } from "#formats";
import type { Layer } from "#image";
import {
  type ArchiveChanges,
  brokenArchives,
  digest,
  dockerArchiveOf,
  layerOf,
  writeBroken,
} from "../../support/docker-archive.ts";
import { mustRun } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";

async function archive(t: TestContext, bytes: Buffer): Promise<string> {
  const path = `${await temporaryFolder(t)}/base.tar`;
  writeFileSync(path, bytes);
  return path;
}

async function opened(t: TestContext, changes: ArchiveChanges = {}): Promise<DockerArchive> {
  const found = await DockerArchive.open(await archive(t, await dockerArchiveOf(changes)));
  t.after(() => found[Symbol.asyncDispose]());
  return found;
}

async function bytesOf(layer: Pick<Layer, "open">): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Reads the whole image. */
async function readAll(path: string): Promise<void> {
  await using found = await DockerArchive.open(path);
  for (const layer of (await found.image()).layers) await bytesOf(layer);
}

describe("a docker-archive that is broken", async () => {
  for (const [what, broken] of await brokenArchives()) {
    it(`is refused by its name if it is ${what}`, async (t) => {
      const path = writeBroken(await temporaryFolder(t), broken);
      // What it says of itself is right, so only who reads its layers can tell.
      if (broken.late) await (await DockerArchive.open(path))[Symbol.asyncDispose]();
      await assert.rejects(readAll(path), (error) => {
        assert.ok(error instanceof VarveError, String((error as Error).stack));
        assert.equal(error.code, broken.code);
        assert.match(error.message, broken.wording);
        assert.ok(error.message.includes(path), error.message);
        assert.ok(!error.message.includes("\n"));
        return true;
      });
    });
  }

  it("is refused wherever it is cut", async (t) => {
    const whole = await dockerArchiveOf();
    const path = await archive(t, whole);
    for (let length = 0; length <= whole.length - 10240; length += 512) {
      writeFileSync(path, whole.subarray(0, length));
      await assert.rejects(readAll(path), { code: "INVALID_TAR" });
    }
  });

  it("leaves no file open and no temporary file", async (t) => {
    const path = await archive(t, gzipSync(await dockerArchiveOf({ manifest: "[]" })));
    const folder = await temporaryFolder(t);
    const temporary = process.env["TMPDIR"];
    process.env["TMPDIR"] = folder;
    t.after(() => {
      if (temporary === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = temporary;
    });
    const descriptors = () => readdirSync("/proc/self/fd").length;
    const before = descriptors();
    await assert.rejects(DockerArchive.open(path), { code: "INVALID_IMAGE" });
    assert.equal(descriptors(), before);
    assert.deepEqual(readdirSync(folder), []);
  });
});

describe("a docker-archive", () => {
  it("gives its config, its names and its layers from the bottom up", async (t) => {
    const found = await opened(t, {
      config: { history: [{ comment: "store paths: ['/nix/store/a']" }, { empty_layer: true }, {}] },
    });
    const image = await found.image();
    assert.deepEqual(image.names, ["base:1"]);
    assert.deepEqual(image.config.value.config?.Env, ["PATH=/base"]);
    assert.deepEqual(
      image.layers.map(({ components }) => components),
      [["/nix/store/a"], []],
    );
    for (const layer of image.layers) {
      const bytes = await bytesOf(layer);
      assert.equal(digest(bytes), layer.diffId);
      assert.deepEqual([layer.descriptor.digest, layer.descriptor.size], [layer.diffId, bytes.length]);
    }
  });

  it("may have no names", async (t) => {
    assert.deepEqual((await (await opened(t, { names: null })).image()).names, []);
  });

  it("may be compressed, under whatever name", async (t) => {
    const plain = await dockerArchiveOf();
    for (const bytes of [
      gzipSync(plain),
      zstdCompressSync(plain),
      Buffer.concat([gzipSync(plain.subarray(0, 5000)), gzipSync(plain.subarray(5000))]),
    ]) {
      await readAll(await archive(t, bytes));
    }
  });

  it("may have layers that are compressed, whose descriptors say so", async (t) => {
    const plain = await layerOf("a", "content");
    for (const [bytes, mediaType] of [
      [gzipSync(plain), "application/vnd.oci.image.layer.v1.tar+gzip"],
      [zstdCompressSync(plain), "application/vnd.oci.image.layer.v1.tar+zstd"],
    ] as const) {
      const found = await opened(t, { layers: { "layer.tar": { file: bytes } }, diffIds: [digest(plain)] });
      const [layer] = (await found.image()).layers;
      assert.deepEqual(layer!.descriptor, { mediaType, digest: digest(bytes), size: bytes.length });
      assert.equal(layer!.diffId, digest(plain));
      assert.ok((await bytesOf(layer!)).equals(bytes));
    }
  });

  it("may have layers that are links to others, also over several links", async (t) => {
    const file = await layerOf("a", "content");
    const found = await opened(t, {
      layers: {
        "one/layer.tar": { file },
        "two/layer.tar": { symlink: "../one/layer.tar" },
        "three/layer.tar": { hardLink: "two/layer.tar" },
        "four.tar": { symlink: "three/layer.tar" },
      },
      diffIds: Array(4).fill(digest(file)),
    });
    for (const layer of (await found.image()).layers) assert.ok((await bytesOf(layer)).equals(file));
  });

  it("may be written by tar with a dot before each name", async (t) => {
    const folder = await temporaryFolder(t);
    writeFileSync(`${folder}/base.tar`, await dockerArchiveOf());
    const script = "mkdir files && cd files && tar xf ../base.tar && tar cf ../dotted.tar .";
    await mustRun(["sh", "-c", script], { cwd: folder });
    await readAll(`${folder}/dotted.tar`);
  });

  it("has the last of several members of one name", async (t) => {
    const found = await opened(t, { extra: { "./config.json": { file: "{}" } } }).catch((error) => error);
    // The last one is no config: so it was the one that was taken.
    assert.equal(found.code, "INVALID_MANIFEST");
  });

  it("with several images wants to know which one, and lists them", async (t) => {
    const file = await layerOf("a", "x");
    const entry = (name: string) => ({ Config: "config.json", RepoTags: [name], Layers: ["layer.tar"] });
    const manifest = JSON.stringify([entry("one:1"), entry("two:2")]);
    const found = await opened(t, { layers: { "layer.tar": { file } }, manifest });
    await assert.rejects(found.image(), { code: "IMAGE_NOT_FOUND", message: /one:1.*two:2/ });
  });
});
