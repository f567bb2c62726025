/** Digests of SHA-512, which the OCI image specification registers beside SHA-256. */
import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { flattenedTree } from "#flatten";
import { ociArchiveSource, ociLayoutSink, ociLayoutSource } from "#formats";
import { draftOf, type Image } from "#image";
import { algorithmOf, Digester, digestOf, hexOf, parseDigest, parseReference } from "#oci";
import { transcoded, uncompressedLayer, validateImage, writeImage } from "#write";
import { digest, layerOf } from "../../support/docker-archive.ts";
import {
  AMD64,
  blobFile,
  type Entry,
  INDEX,
  Layout,
  MANIFEST,
  OCI,
  REF_NAME,
  readWhole,
} from "../../support/layout.ts";
import { temporaryFolder } from "../../support/tmp.ts";

async function validate(image: Image): Promise<number> {
  let layers = 0;
  for await (const _ of validateImage(image)) layers++;
  return layers;
}

const on = (architecture: string) => ({ platform: { os: "linux", architecture } });
const mismatch = { name: "VarveError", code: "DIGEST_MISMATCH", message: /sha512:/ };

describe("a digest of sha512", () => {
  it("is read, computed and compared as one of sha256 is", () => {
    const text = digest("text", "sha512");
    const parsed = parseDigest(text, "a test");
    assert.equal(algorithmOf(parsed), "sha512");
    assert.equal(hexOf(parsed), text.slice(7));
    assert.equal(digestOf(Buffer.from("text"), "sha512"), text);
    const digester = new Digester("sha512");
    digester.update(Buffer.from("text"));
    assert.equal(digester.digest(), text);
    assert.equal(parseReference(`localhost:5000/a@${text}`).digest, text);
    assert.equal(digestOf(Buffer.from("text")), digest("text"));
  });

  it("is refused where it isn't whole, and others are for their algorithm", () => {
    for (const text of [
      digest("", "sha512").slice(0, -1),
      `sha512:${digest("").slice(7)}`,
      `sha384:${"a".repeat(96)}`,
    ]) {
      assert.throws(() => parseDigest(text, "it"), { code: "INVALID_DIGEST", message: /sha512: and 128/ });
    }
  });
});

describe("an OCI layout of sha512", () => {
  for (const plain of [true, false]) {
    it(`with ${plain ? "plain" : "compressed"} layers is read, valid, and a tree; as a folder and as an archive`, async (t) => {
      const layout = new Layout("sha512");
      layout.holds(await layout.image({ plain }));
      const folder = await temporaryFolder(t);
      writeFileSync(`${folder}/layout.tar`, await layout.toTar());
      for (const source of [
        ociLayoutSource({ path: layout.toFolder(`${folder}/layout`) }),
        ociArchiveSource({ path: `${folder}/layout.tar` }),
      ]) {
        t.after(() => source[Symbol.asyncDispose]());
        const image = await readWhole(source);
        assert.equal(await validate(image), 2);
        assert.ok((await flattenedTree(image.layers)).get("/file"));
        for (const { descriptor } of [image.config, image.manifest!])
          assert.match(descriptor.digest, /^sha512:/);
      }
    });
  }

  it("is found by its digest, behind an index, too", async (t) => {
    const layout = new Layout("sha512");
    const image = await layout.image({}, on("amd64"));
    const other = await layout.image({ text: "other", architecture: "arm64" }, on("arm64"));
    layout.holds(layout.index([other, image], INDEX, { annotations: { [REF_NAME]: "both" } }));
    const path = layout.toFolder(await temporaryFolder(t));
    const read = await ociLayoutSource({ path, select: image.digest }).read(AMD64);
    assert.equal(read.manifest?.descriptor.digest, image.digest);
    const chosen = await ociLayoutSource({ path, select: "both" }).read(AMD64);
    assert.equal(chosen.manifest?.descriptor.digest, image.digest);
    assert.match(chosen.index!.descriptor.digest, /^sha512:/);
  });

  it("is copied as it is, and compressed anew to what sha256 knows", async (t) => {
    const layout = new Layout("sha512");
    layout.holds(await layout.image());
    const folder = await temporaryFolder(t);
    const image = await ociLayoutSource({ path: layout.toFolder(`${folder}/layout`) }).read(AMD64);
    await writeImage(draftOf(image), [ociLayoutSink({ path: `${folder}/copy` })]);
    for (const [name, bytes] of layout.files) {
      if (name.startsWith("blobs/")) assert.deepEqual(readFileSync(`${folder}/copy/${name}`), bytes, name);
    }
    const copy = await ociLayoutSource({ path: `${folder}/copy` }).read(AMD64);
    assert.equal(await validate(copy), 2);

    const choice = { algorithm: "zstd" } as const;
    const options = { compression: choice };
    await writeImage(transcoded(image, choice), [ociLayoutSink({ path: `${folder}/zstd` })], options);
    const anew = await ociLayoutSource({ path: `${folder}/zstd` }).read(AMD64);
    assert.equal(await validate(anew), 2);
    assert.match(anew.layers[0]!.descriptor.digest, /^sha256:/);
    assert.deepEqual(anew.config.bytes, image.config.bytes);
    assert.ok(existsSync(`${folder}/zstd/${blobFile(image.config.descriptor)}`));
  });

  it("is refused for other bytes than the digest of a manifest, a config, a layer or a diff ID says", async (t) => {
    for (const what of ["manifest", "config", "layer", "diffId"] as const) {
      const layout = new Layout("sha512");
      const wrong = digest("wrong", "sha512");
      let manifest: { config: Entry; layers: Entry[] } | undefined;
      const diffIds =
        what === "diffId" ? [digest(await layerOf("base", "base"), "sha512"), wrong] : undefined;
      const entry = await layout.image({
        plain: what === "layer",
        ...(diffIds && { diffIds }),
        change: (made) => (manifest = made),
      });
      layout.holds(entry);
      const victim = {
        manifest: entry,
        config: manifest!.config,
        layer: manifest!.layers[0]!,
        diffId: undefined,
      }[what];
      if (victim !== undefined) {
        const bytes = layout.files.get(blobFile(victim))!;
        bytes[bytes.length - 1] = bytes.at(-1)! ^ 1;
      }
      const path = layout.toFolder(await temporaryFolder(t));
      const read = async () => validate(await ociLayoutSource({ path }).read(AMD64));
      await assert.rejects(read(), mismatch, what);
    }
  });
});

describe("a plain layer that is known by two algorithms", () => {
  it("is sound, if it is what both say", async (t) => {
    const layout = new Layout();
    const tar = await layerOf("file", "text");
    for (const [diffId, sound] of [
      [digest(tar, "sha512"), true],
      [digest("other", "sha512"), false],
    ] as const) {
      const layer = layout.blob(tar, `${OCI}layer.v1.tar`);
      const rootfs = { type: "layers", diff_ids: [diffId] };
      const config = layout.json({ architecture: "amd64", os: "linux", rootfs }, `${OCI}config.v1+json`);
      layout.holds(layout.json({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }, MANIFEST));
      const image = await ociLayoutSource({ path: layout.toFolder(await temporaryFolder(t)) }).read(AMD64);
      const [only] = image.layers;
      if (sound) {
        assert.equal(await validate(image), 1);
        const plain = await uncompressedLayer(only!, "the layer");
        assert.equal(plain.descriptor.digest, diffId);
        continue;
      }
      await assert.rejects(validate(image), mismatch);
      await assert.rejects(flattenedTree(image.layers), mismatch);
      await assert.rejects(uncompressedLayer(only!, "the layer"), mismatch);
    }
  });
});
