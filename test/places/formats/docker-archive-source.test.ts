import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createWriteStream, readdirSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { VarveError } from "#errors";
import { DockerArchive, dockerArchiveSource } from "#formats";
import { digest, dockerArchiveOf, layerOf, type Member, tarOf } from "../../support/docker-archive.ts";
import {
  AMD64,
  blobFile,
  bytesOf,
  type Entry,
  INDEX,
  Layout,
  REF_NAME,
  readWhole,
  textOf,
} from "../../support/layout.ts";
import { mustRun } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";

async function saved(t: TestContext, bytes: Buffer): Promise<string> {
  const path = `${await temporaryFolder(t)}/image.tar`;
  writeFileSync(path, bytes);
  return path;
}

/** An archive of several images: their names, and the text by which they are told. */
async function several(images: readonly { names: readonly string[]; text: string }[]): Promise<Buffer> {
  const members: Record<string, Member> = {};
  const manifest = [];
  for (const { names, text } of images) {
    const layer = await layerOf("file", text);
    const config = JSON.stringify({
      architecture: "amd64",
      os: "linux",
      config: { Env: [`TEXT=${text}`] },
      rootfs: { type: "layers", diff_ids: [digest(layer)] },
    });
    members[`${text}.tar`] = { file: layer };
    members[`${text}.json`] = { file: config };
    manifest.push({ Config: `${text}.json`, RepoTags: names, Layers: [`${text}.tar`] });
  }
  return await tarOf({ ...members, "manifest.json": { file: JSON.stringify(manifest) } });
}

describe("a docker-archive", () => {
  it("isn't a program that would write one", async (t) => {
    const path = await saved(t, Buffer.from("#!/bin/sh\nexec stream-image\n"));
    await assert.rejects(async () => await DockerArchive.open(path), {
      code: "INVALID_IMAGE",
      message: `${path} is a program and not an image; if it writes one, as those of streamLayeredImage do, run it and give the archive that it writes`,
    });
  });
});

describe("a docker-archive of several images", () => {
  it("gives the one with a name, an ID or a place, and lists them otherwise", async (t) => {
    const path = await saved(
      t,
      await several([
        { names: ["app:1", "app:latest"], text: "one" },
        { names: ["localhost:5000/own/app:2"], text: "two" },
        { names: ["docker.io/library/base:3"], text: "three" },
        { names: [], text: "four" },
        { names: ["Not/A Reference"], text: "five" },
      ]),
    );
    const find = async (select?: string) => {
      await using source = dockerArchiveSource({ path, select });
      return await readWhole(source);
    };
    for (const [select, text] of Object.entries({
      "app:1": "one",
      app: "one",
      "docker.io/library/app:latest": "one",
      "index.docker.io/app": "one",
      "localhost:5000/own/app:2": "two",
      "base:3": "three",
      "@0": "one",
      "@3": "four",
      "Not/A Reference": "five",
      [(await find("@1")).config.descriptor.digest]: "two",
      [(await find("@1")).config.descriptor.digest.slice(7)]: "two",
    })) {
      assert.equal(textOf(await find(select)), text, select);
    }
    for (const select of [undefined, "app:3", "own/app:2", "@5", "@-1", "", "sha256:", "Not A/Reference"]) {
      await assert.rejects(find(select), (error: VarveError) => {
        assert.equal(error.code, "IMAGE_NOT_FOUND");
        assert.ok(
          error.message.includes("@0 (app:1, app:latest), @1 (localhost:5000/own/app:2)"),
          error.message,
        );
        assert.ok(error.message.includes("@3 (without a name)"));
        return true;
      });
    }
  });
});

describe("a docker-archive's source", () => {
  it("counts layers without reading them", async (t) => {
    const packed = gzipSync(await layerOf("a", "x"));
    const path = await saved(
      t,
      await dockerArchiveOf({
        layers: { a: { file: packed }, b: { file: "no tar" } },
        diffIds: [digest(""), digest("")],
      }),
    );
    await using source = dockerArchiveSource({ path });
    assert.equal(await source.countLayers(), 2);
    await using other = dockerArchiveSource({ path, select: "other" });
    await assert.rejects(other.countLayers(), { code: "IMAGE_NOT_FOUND" });
  });

  it("opens its archive when it is read, and may be closed without that", async (t) => {
    const path = `${await temporaryFolder(t)}/none.tar`;
    await dockerArchiveSource({ path })[Symbol.asyncDispose]();
    await using source = dockerArchiveSource({ path });
    await assert.rejects(source.read(AMD64), { code: "NOT_FOUND" });
  });

  it("minds the platform if it was asked for", async (t) => {
    const path = await saved(t, await dockerArchiveOf({ config: { architecture: "arm64" } }));
    await using source = dockerArchiveSource({ path });
    await source.read(AMD64);
    await assert.rejects(source.read({ ...AMD64, strict: true }), {
      code: "IMAGE_NOT_FOUND",
      message: /linux\/arm64/,
    });
  });

  it("reads from a pipe, plain or compressed, and leaves no temporary file", async (t) => {
    const folder = await temporaryFolder(t);
    const plain = await dockerArchiveOf();
    const temporary = process.env["TMPDIR"];
    t.after(() => {
      if (temporary === undefined) delete process.env["TMPDIR"];
      else process.env["TMPDIR"] = temporary;
    });
    process.env["TMPDIR"] = folder;
    await mustRun(["mkfifo", `${folder}/pipe`]);
    for (const bytes of [plain, gzipSync(plain), zstdCompressSync(plain)]) {
      const writer = createWriteStream(`${folder}/pipe`);
      writer.end(bytes);
      await using source = dockerArchiveSource({ path: `${folder}/pipe` });
      const image = await readWhole(source);
      assert.deepEqual(image.names, ["base:1"]);
      assert.deepEqual(readdirSync(folder), ["pipe"]);
    }
    for (const [bytes, code] of [
      [plain.subarray(0, 1000), "INVALID_TAR"],
      [gzipSync(plain).subarray(0, 100), "INVALID_IMAGE"],
      [Buffer.from("BZh91AY&SY and so on"), "UNSUPPORTED_COMPRESSION"],
      [Buffer.alloc(0), "INVALID_TAR"],
    ] as const) {
      const writer = createWriteStream(`${folder}/pipe`);
      writer.on("error", () => {});
      writer.end(bytes);
      await assert.rejects(DockerArchive.open(`${folder}/pipe`), { code });
      assert.deepEqual(readdirSync(folder), ["pipe"]);
    }
  });

  it("reads from stdin", async () => {
    const formats = new URL("../../../src/places/formats/index.ts", import.meta.url);
    const program = `
      import { dockerArchiveSource } from ${JSON.stringify(formats.href)};
      await using source = dockerArchiveSource({ path: process.argv[1] });
      const image = await source.read({ platform: { os: "linux", architecture: "amd64" } });
      for (const layer of image.layers) for await (const _ of layer.open());
      process.stdout.write(image.names.join());`;
    for (const path of ["-", "/dev/stdin"]) {
      const child = spawn("sh", [
        "-c",
        'cat | "$0" "$@"',
        process.execPath,
        "--input-type=module",
        "-e",
        program,
        path,
      ]);
      let output = "";
      child.stdout.on("data", (chunk) => {
        output += chunk;
      });
      child.stdin.end(await dockerArchiveOf());
      assert.deepEqual(await once(child, "close"), [0, null]);
      assert.equal(output, "base:1");
    }
  });
});

/** An archive as `docker save` writes it since version 25: a layout with `manifest.json` on top. */
async function dockerLayout(
  change: (layout: Layout, image: Entry, config: Entry) => Promise<Entry[]> = async (_, image) => [image],
  plain = true,
): Promise<{ bytes: Buffer; image: Entry; layout: Layout }> {
  const layout = new Layout();
  const image = await layout.image({ plain }, { annotations: { [REF_NAME]: "1" } });
  const { config, layers } = JSON.parse(layout.files.get(blobFile(image))!.toString());
  const manifest = [{ Config: blobFile(config), RepoTags: ["app:1"], Layers: layers.map(blobFile) }];
  layout.holds(...(await change(layout, image, config)));
  const bytes = await layout.toTar({ "manifest.json": { file: JSON.stringify(manifest) } });
  return { bytes, image, layout };
}

describe("a docker-archive that is an OCI layout, too", () => {
  it("gives its manifest, its blobs' own descriptors, and Docker's names", async (t) => {
    for (const plain of [true, false]) {
      const { bytes, image } = await dockerLayout(undefined, plain);
      await using source = dockerArchiveSource({ path: await saved(t, bytes), select: "app:1" });
      const found = await readWhole(source);
      assert.equal(found.manifest?.descriptor.digest, image.digest);
      assert.deepEqual(found.names, ["app:1"]);
      for (const [index, layer] of found.layers.entries()) {
        assert.deepEqual(layer.descriptor, found.manifest!.value.layers[index]);
      }
      assert.deepEqual(found.layers[0]!.components, ["/nix/store/base"]);
    }
  });

  it("finds its manifest in nested indexes of which Docker left out the rest", async (t) => {
    const { bytes, image } = await dockerLayout(async (layout, image) => {
      const missing = {
        ...image,
        digest: digest("elsewhere"),
        platform: { os: "linux", architecture: "arm64" },
      };
      return [layout.index([missing, image], INDEX), { ...missing, digest: digest("gone") }];
    });
    await using source = dockerArchiveSource({ path: await saved(t, bytes) });
    assert.equal((await readWhole(source)).manifest?.descriptor.digest, image.digest);
  });

  it("goes without a manifest where none, or more than one, speaks of the same bytes", async (t) => {
    for (const change of [
      async () => [],
      async (layout: Layout) => [await layout.image({ text: "other", plain: true })],
      async (layout: Layout, image: Entry) => {
        const other = JSON.parse(layout.files.get(blobFile(image))!.toString());
        return [image, layout.json({ ...other, annotations: { a: "b" } }, image.mediaType)];
      },
      async (layout: Layout, image: Entry) => {
        const other = JSON.parse(layout.files.get(blobFile(image))!.toString());
        return [layout.json({ ...other, layers: other.layers.toReversed() }, image.mediaType)];
      },
    ]) {
      const { bytes } = await dockerLayout(change);
      await using source = dockerArchiveSource({ path: await saved(t, bytes) });
      const found = await readWhole(source);
      assert.equal(found.manifest, undefined);
      assert.equal(textOf(found), "text");
      for (const layer of found.layers) assert.equal(digest(await bytesOf(layer)), layer.diffId);
    }
  });

  it("is refused if a manifest isn't what its digest says", async (t) => {
    const { layout, image } = await dockerLayout();
    const { config, layers } = JSON.parse(layout.files.get(blobFile(image))!.toString());
    const manifest = [{ Config: blobFile(config), RepoTags: ["app:1"], Layers: layers.map(blobFile) }];
    const bytes = await layout.toTar({
      "manifest.json": { file: JSON.stringify(manifest) },
      [blobFile(image)]: { file: " ".repeat(image.size) },
    });
    await using source = dockerArchiveSource({ path: await saved(t, bytes) });
    await assert.rejects(source.read(AMD64), { code: "DIGEST_MISMATCH" });
  });
});
