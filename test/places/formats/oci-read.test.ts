import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { gzipSync, zstdCompressSync } from "node:zlib";
import fc from "fast-check";
import { VarveError } from "#errors";
import { ociArchiveSource, ociLayoutSource } from "#formats";
import type { ImageSource } from "#image";
import { uncompressedLayer } from "#write";
import { digest, layerOf } from "../../support/docker-archive.ts";
import {
  AMD64,
  blobFile,
  bytesOf,
  DOCKER,
  type Entry,
  INDEX,
  Layout,
  MANIFEST,
  OCI,
  REF_NAME,
  readWhole,
  textOf,
} from "../../support/layout.ts";
import { mustRun } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";

/** The layout as a folder and as an archive: everything holds for both. */
async function sources(t: TestContext, layout: Layout, select?: string): Promise<ImageSource[]> {
  const folder = await temporaryFolder(t);
  writeFileSync(`${folder}/layout.tar`, await layout.toTar());
  const both = [
    ociLayoutSource({ path: layout.toFolder(`${folder}/layout`), select }),
    ociArchiveSource({ path: `${folder}/layout.tar`, select }),
  ];
  for (const source of both) t.after(() => source[Symbol.asyncDispose]());
  return both;
}

async function finds(t: TestContext, layout: Layout, found: Record<string, string | RegExp>): Promise<void> {
  for (const [select, expected] of Object.entries(found)) {
    for (const source of await sources(t, layout, select || undefined)) {
      if (typeof expected === "string") assert.equal(textOf(await readWhole(source)), expected, select);
      else await assert.rejects(readWhole(source), { code: "IMAGE_NOT_FOUND", message: expected }, select);
    }
  }
}

async function refuses(
  t: TestContext,
  layout: Layout,
  expected: { code: string; message?: RegExp },
): Promise<void> {
  for (const source of await sources(t, layout)) {
    await assert.rejects(readWhole(source), { name: "VarveError", ...expected }, source.name);
  }
}

const named = (name: string, more: Record<string, string> = {}) => ({
  annotations: { [REF_NAME]: name, ...more },
});
const on = (architecture: string, os = "linux") => ({ platform: { os, architecture } });

describe("an OCI layout", () => {
  for (const family of ["oci", "docker"] as const) {
    for (const plain of [false, true]) {
      it(`of ${family} media types with ${plain ? "plain" : "compressed"} layers is read as it is`, async (t) => {
        const layout = new Layout();
        layout.holds(await layout.image({ family, plain }));
        for (const source of await sources(t, layout)) {
          const image = await readWhole(source);
          assert.deepEqual(
            image.layers.map(({ components }) => components),
            [["/nix/store/base"], []],
          );
          assert.equal(image.manifest!.value.layers.length, 2);
          for (const [index, layer] of image.layers.entries()) {
            assert.deepEqual(layer.descriptor, image.manifest!.value.layers[index]);
            assert.ok((await bytesOf(layer)).equals(layout.files.get(blobFile(layer.descriptor))!));
          }
        }
      });
    }
  }

  it("gives the image with a tag, a name, a digest or a place", async (t) => {
    const layout = new Layout();
    const one = await layout.image({ text: "one" }, named("1.0"));
    const two = await layout.image(
      { text: "two" },
      named("latest", { "io.containerd.image.name": "docker.io/library/app:latest" }),
    );
    const three = await layout.image({ text: "three" }, named("localhost:5000/own/app:3"));
    layout.holds(one, two, three);
    await finds(t, layout, {
      "": /several images.*: 1\.0, latest, localhost:5000\/own\/app:3/,
      "1.0": "one",
      latest: "two",
      app: "two",
      "library/app:latest": "two",
      "localhost:5000/own/app:3": "three",
      [one.digest]: "one",
      "@0": "one",
      "@2": "three",
      "@3": /has no image @3; it has 1\.0/,
      "2.0": /has no image 2\.0; it has 1\.0, latest/,
      [digest("")]: /has no image sha256/,
    });
  });

  it("needs no name for one image that has several tags", async (t) => {
    const layout = new Layout();
    const one = await layout.image({ text: "one" });
    layout.holds({ ...one, ...named("a") }, { ...one, ...named("docker.io/library/app:b") });
    for (const source of await sources(t, layout)) {
      assert.deepEqual((await readWhole(source)).names, ["docker.io/library/app:b"]);
    }
  });

  it("gives the image for a platform, out of nested indexes, and lists what there is", async (t) => {
    const layout = new Layout();
    const amd = await layout.image({ text: "amd" }, on("amd64"));
    const arm = await layout.image({ text: "arm", architecture: "arm64" }, on("arm64"));
    const attestation = layout.json({ schemaVersion: 2, config: {}, layers: [] }, MANIFEST, {
      ...on("unknown", "unknown"),
    });
    const inner = layout.index([arm, attestation], `${DOCKER}distribution.manifest.list.v2+json`);
    layout.holds(layout.index([amd, inner, attestation], INDEX, named("both")));
    for (const select of [undefined, "both"]) {
      for (const source of await sources(t, layout, select)) {
        const of = (architecture: string) => source.read({ platform: { os: "linux", architecture } });
        assert.equal(textOf(await of("amd64")), "amd");
        assert.equal(textOf(await of("arm64")), "arm");
        await assert.rejects(of("s390x"), {
          code: "IMAGE_NOT_FOUND",
          message: /linux\/s390x.*linux\/amd64, linux\/arm64$/,
        });
      }
    }
    await finds(t, layout, { [arm.digest]: "arm" });
  });

  it("chooses among the platforms of its own index, too", async (t) => {
    const layout = new Layout();
    layout.holds(
      await layout.image({ text: "arm", architecture: "arm64" }, on("arm64")),
      await layout.image({ text: "amd" }, on("amd64")),
    );
    await finds(t, layout, { "": "amd" });
  });

  it("gives a single image whatever its platform, unless one was asked for", async (t) => {
    const layout = new Layout();
    layout.holds(await layout.image({ architecture: "arm64" }));
    for (const source of await sources(t, layout)) {
      await readWhole(source);
      await assert.rejects(source.read({ ...AMD64, strict: true }), {
        code: "IMAGE_NOT_FOUND",
        message: /linux\/arm64/,
      });
    }
  });

  it("passes over attestations, artifacts and what it doesn't know", async (t) => {
    const layout = new Layout();
    const image = await layout.image({ text: "image" });
    const other = (more: object) => ({ ...layout.json({ schemaVersion: 2 }, MANIFEST), ...more });
    const attested = { annotations: { "vnd.docker.reference.type": "attestation-manifest" } };
    const unknown = layout.blob("?", "application/vnd.example+json");
    layout.holds(other(attested), unknown, other({ artifactType: "application/spdx" }), image);
    await finds(t, layout, { "": "image" });
    layout.holds(unknown);
    await finds(t, layout, { "": /holds no image/ });
  });

  it("may be an archive that is compressed, or written by tar with dots and folders", async (t) => {
    const layout = new Layout();
    layout.holds(await layout.image({ text: "x" }));
    const folder = await temporaryFolder(t);
    layout.toFolder(`${folder}/layout`);
    await mustRun(["tar", "cf", `${folder}/dotted.tar`, "-C", `${folder}/layout`, "."]);
    writeFileSync(`${folder}/gzip.tar`, gzipSync(await layout.toTar()));
    writeFileSync(`${folder}/zstd.tar`, zstdCompressSync(await layout.toTar()));
    for (const name of ["dotted", "gzip", "zstd"]) {
      await using source = ociArchiveSource({ path: `${folder}/${name}.tar` });
      assert.equal(textOf(await readWhole(source)), "x");
    }
  });
});

describe("a broken or hostile OCI layout", () => {
  it("that isn't there, or isn't a layout, is refused by its name", async (t) => {
    const folder = await temporaryFolder(t);
    const refused = async (source: ImageSource, code: string) =>
      assert.rejects(source.read(AMD64), (error: VarveError) => {
        assert.equal(error.code, code);
        assert.ok(error.message.includes(folder), error.message);
        return true;
      });
    await refused(ociLayoutSource({ path: `${folder}/none` }), "NOT_FOUND");
    await refused(ociArchiveSource({ path: `${folder}/none` }), "NOT_FOUND");
    await refused(ociLayoutSource({ path: folder }), "INVALID_IMAGE");
    await refused(ociArchiveSource({ path: folder }), "UNREADABLE");
    writeFileSync(`${folder}/file`, "x".repeat(1000));
    await refused(ociLayoutSource({ path: `${folder}/file` }), "UNREADABLE");
    await refused(ociArchiveSource({ path: `${folder}/file` }), "INVALID_TAR");
  });

  it("of another version, or whose marker or index is missing or no JSON", async (t) => {
    for (const [name, content, code] of [
      ["oci-layout", '{"imageLayoutVersion":"2.0.0"}', "INVALID_IMAGE"],
      ["oci-layout", "{}", "INVALID_IMAGE"],
      ["oci-layout", "1.0.0", "INVALID_JSON"],
      ["oci-layout", undefined, "INVALID_IMAGE"],
      ["oci-layout", " ".repeat(5000), "TOO_LARGE"],
      ["index.json", undefined, "INVALID_IMAGE"],
      ["index.json", "[]", "INVALID_MANIFEST"],
      ["index.json", '{"schemaVersion":2}', "INVALID_MANIFEST"],
      ["index.json", '{"schemaVersion":2,"manifests":[],"manifests":[]}', "INVALID_JSON"],
      ["index.json", " ".repeat(5 * 1024 * 1024), "TOO_LARGE"],
    ] as const) {
      const layout = new Layout();
      layout.holds(await layout.image());
      if (content === undefined) layout.files.delete(name);
      else layout.files.set(name, Buffer.from(content));
      await refuses(t, layout, { code });
    }
  });

  it("with a digest that is a path is refused before the path is used", async (t) => {
    const bad = "sha256:../../x";
    for (const spoil of ["index", "config", "layer", "diffId"]) {
      const layout = new Layout();
      const image = await layout.image({
        ...(spoil === "diffId" ? { diffIds: [bad, bad] } : {}),
        change({ config, layers }) {
          if (spoil === "config") config.digest = bad;
          if (spoil === "layer") layers[0]!.digest = bad;
        },
      });
      layout.holds(spoil === "index" ? { ...image, digest: bad } : image);
      await refuses(t, layout, { code: "INVALID_DIGEST", message: /"sha256:\.\.\/\.\.\/x"/ });
    }
  });

  it("with a manifest that is both a manifest and an index", async (t) => {
    const layout = new Layout();
    layout.holds(await layout.image({ change: (manifest) => Object.assign(manifest, { manifests: [] }) }));
    await refuses(t, layout, { code: "INVALID_MANIFEST", message: /ambiguous/ });
  });

  it("with a manifest that is another kind than its descriptor says", async (t) => {
    const layout = new Layout();
    const image = await layout.image();
    layout.holds({ ...image, mediaType: `${DOCKER}distribution.manifest.v2+json` });
    await refuses(t, layout, { code: "INVALID_MANIFEST", message: /announced/ });
    layout.holds({ ...image, mediaType: INDEX });
    await refuses(t, layout, { code: "INVALID_MANIFEST", message: /announced/ });
  });

  it("with a key twice in a manifest", async (t) => {
    const layout = new Layout();
    layout.holds(layout.blob('{"schemaVersion":2,"layers":[],"layers":[]}', MANIFEST));
    await refuses(t, layout, { code: "INVALID_JSON", message: /twice/ });
  });

  it("with fewer or more diff IDs than layers", async (t) => {
    for (const count of [0, 1, 3]) {
      const layout = new Layout();
      layout.holds(await layout.image({ diffIds: Array(count).fill(digest("")) }));
      await refuses(t, layout, { code: "INVALID_MANIFEST", message: /2 layers.*diff IDs/ });
    }
  });

  it("with an uncompressed layer that isn't the one of its diff ID", async (t) => {
    const layout = new Layout();
    layout.holds(await layout.image({ plain: true, diffIds: [digest("a"), digest("b")] }));
    await refuses(t, layout, { code: "INVALID_MANIFEST", message: /diff ID/ });
  });

  it("with a blob that is longer or shorter than its descriptor says, or another one", async (t) => {
    const layout = new Layout();
    const image = await layout.image();
    const manifest = JSON.parse(layout.files.get(blobFile(image))!.toString());
    layout.holds(image);
    for (const blob of [image, manifest.config, ...manifest.layers] as Entry[]) {
      const bytes = layout.files.get(blobFile(blob))!;
      const change = async (changed: Buffer, code: string) => {
        layout.files.set(blobFile(blob), changed);
        await refuses(t, layout, { code, message: new RegExp(blob.digest.slice(7)) });
        layout.files.set(blobFile(blob), bytes);
      };
      await change(Buffer.concat([bytes, Buffer.alloc(1)]), "SIZE_MISMATCH");
      await change(bytes.subarray(1), "SIZE_MISMATCH");
      await change(Buffer.from(bytes).fill(1, 10, 20), "DIGEST_MISMATCH");
      await change(Buffer.alloc(0), "SIZE_MISMATCH");
      layout.files.delete(blobFile(blob));
      await refuses(t, layout, { code: "INVALID_IMAGE", message: /missing/ });
      layout.files.set(blobFile(blob), bytes);
    }
  });

  it("with documents that are larger than any real one", async (t) => {
    const layout = new Layout();
    const huge = layout.blob(Buffer.alloc(5 * 1024 * 1024, " "), MANIFEST);
    layout.holds(huge);
    await refuses(t, layout, { code: "TOO_LARGE" });
    layout.holds(layout.index([{ ...huge, size: 2 ** 40 }]));
    await refuses(t, layout, { code: "TOO_LARGE" });
    layout.holds(
      await layout.image({
        change: (manifest) => Object.assign(manifest.config, { size: 9 * 1024 * 1024 }),
      }),
    );
    await refuses(t, layout, { code: "TOO_LARGE" });
  });

  it("with indexes in indexes without end", async (t) => {
    const layout = new Layout();
    let entry = await layout.image();
    for (let depth = 0; depth < 6; depth++) entry = layout.index([entry]);
    layout.holds(entry);
    await refuses(t, layout, { code: "INVALID_MANIFEST", message: /deep/ });
  });

  it("whose blobs, folders or documents are symbolic links or pipes", async (t) => {
    const layout = new Layout();
    const image = await layout.image();
    layout.holds(image);
    const folder = await temporaryFolder(t);
    const manifest = JSON.parse(layout.files.get(blobFile(image))!.toString());
    const links = [
      "index.json",
      "oci-layout",
      "blobs",
      "blobs/sha256",
      blobFile(image),
      blobFile(manifest.config),
    ];
    for (const [index, name] of [...links, blobFile(manifest.layers[0])].entries()) {
      const path = layout.toFolder(`${folder}/${index}`);
      // The content is right, so only the link is wrong.
      renameSync(`${path}/${name}`, `${folder}/outside-${index}`);
      symlinkSync(`${folder}/outside-${index}`, `${path}/${name}`);
      const source = ociLayoutSource({ path });
      await assert.rejects(readWhole(source), {
        code: "INVALID_IMAGE",
        message: /is not a regular (file|folder)/,
      });
    }
    const path = layout.toFolder(`${folder}/pipe`);
    rmSync(`${path}/${blobFile(image)}`);
    await mustRun(["mkfifo", `${path}/${blobFile(image)}`]);
    await assert.rejects(readWhole(ociLayoutSource({ path })), { code: "INVALID_IMAGE" });
    rmSync(`${path}/${blobFile(image)}`);
    mkdirSync(`${path}/${blobFile(image)}`);
    await assert.rejects(readWhole(ociLayoutSource({ path })), { code: "INVALID_IMAGE" });
  });

  it("may itself be reached through a link", async (t) => {
    const layout = new Layout();
    layout.holds(await layout.image());
    const folder = await temporaryFolder(t);
    layout.toFolder(`${folder}/layout`);
    symlinkSync("layout", `${folder}/link`);
    await readWhole(ociLayoutSource({ path: `${folder}/link` }));
  });

  it("may have links to files beside it in the same Nix store", async (t) => {
    const layout = new Layout();
    const image = await layout.image();
    layout.holds(image);
    const manifest = JSON.parse(layout.files.get(blobFile(image))!.toString());
    const folder = await temporaryFolder(t);
    const inStore = (letter: string, name: string) => `${folder}/${letter.repeat(32)}-${name}`;
    const linked = (letter: string, name: string, target: (file: string) => string) => {
      const path = layout.toFolder(inStore(letter, "layout"));
      const file = `${path}/${name}`;
      renameSync(file, inStore(letter, "blob"));
      symlinkSync(target(inStore(letter, "blob")), file);
      return ociLayoutSource({ path });
    };
    const layer = blobFile(manifest.layers[0]);
    await readWhole(linked("a", layer, (file) => file));
    await readWhole(linked("b", blobFile(manifest.config), (file) => file));
    symlinkSync(inStore("a", "layout"), `${folder}/link`);
    await readWhole(ociLayoutSource({ path: `${folder}/link` }));

    const refused = { code: "INVALID_IMAGE", message: /is not a regular file/ };
    const further = [
      (file: string) => `${folder}/x/../${file.slice(folder.length + 1)}`,
      (file: string) => file.slice(folder.length + 1),
      (file: string) => `${file}/../../etc/passwd`,
      (file: string) => file.replace(`${folder}/`, "/"),
      (file: string) => {
        symlinkSync(file, `${folder}/${"z".repeat(32)}-link`);
        return `${folder}/${"z".repeat(32)}-link`;
      },
    ];
    for (const [index, target] of further.entries()) {
      await assert.rejects(readWhole(linked("cdfgh"[index]!, layer, target)), refused, String(index));
    }
  });

  it("in an archive whose links make a circle, or lead out of it", async (t) => {
    const layout = new Layout();
    const image = await layout.image();
    layout.holds(image);
    const folder = await temporaryFolder(t);
    for (const link of [
      { symlink: image.digest.slice(7) },
      { symlink: "../../index.json/../../../etc/passwd" },
      { symlink: "/etc/passwd" },
      { hardLink: blobFile(image) },
      { hardLink: "../../etc/passwd" },
    ]) {
      writeFileSync(`${folder}/layout.tar`, await layout.toTar({ [blobFile(image)]: link }));
      await using source = ociArchiveSource({ path: `${folder}/layout.tar` });
      await assert.rejects(source.read(AMD64), { code: "INVALID_IMAGE" });
    }
  });

  it("in an archive is refused wherever it is cut", async (t) => {
    const layout = new Layout();
    layout.holds(await layout.image());
    const whole = await layout.toTar();
    const path = `${await temporaryFolder(t)}/layout.tar`;
    const end = whole.length - [...whole].reverse().findIndex((byte) => byte !== 0);
    writeFileSync(path, whole);
    for (let length = Math.floor(end / 512) * 512; length >= 0; length -= 512) {
      truncateSync(path, length);
      await using source = ociArchiveSource({ path });
      await assert.rejects(readWhole(source), { code: "INVALID_TAR" }, `${length} bytes`);
    }
  });

  it("ends in a coded error or an image, whichever byte is another", async (t) => {
    const layout = new Layout();
    layout.holds(await layout.image({ plain: true }));
    const whole = await layout.toTar();
    const path = `${await temporaryFolder(t)}/layout.tar`;
    await fc.assert(
      fc.asyncProperty(fc.nat(whole.length - 1), fc.nat(255), async (at, byte) => {
        const changed = Buffer.from(whole);
        changed[at] = byte;
        writeFileSync(path, changed);
        await using source = ociArchiveSource({ path });
        await readWhole(source).catch((error) => assert.ok(error instanceof VarveError, error.stack));
      }),
      { numRuns: 200 },
    );
  });

  it("with a layer that isn't what its diff ID says fails when it is uncompressed", async (t) => {
    const layout = new Layout();
    const other = digest(await layerOf("other", "other"));
    layout.holds(await layout.image({ diffIds: [other, other] }));
    for (const source of await sources(t, layout)) {
      const [layer] = (await readWhole(source)).layers;
      await assert.rejects(uncompressedLayer(layer!, "the layer"), { code: "DIGEST_MISMATCH" });
    }
  });

  it("with a layer of a media type that is none is refused when it is uncompressed", async (t) => {
    const layout = new Layout();
    layout.holds(
      await layout.image({ change: ({ layers }) => Object.assign(layers[0]!, { mediaType: `${OCI}x` }) }),
    );
    for (const source of await sources(t, layout)) {
      const [layer] = (await source.read(AMD64)).layers;
      await assert.rejects(uncompressedLayer(layer!, "the layer"), { code: "UNSUPPORTED_COMPRESSION" });
    }
  });
});
