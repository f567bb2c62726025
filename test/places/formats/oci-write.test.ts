import assert from "node:assert/strict";
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { describe, it, type TestContext } from "node:test";
import type { Compression } from "#compress";
import {
  dockerArchiveSink,
  dockerArchiveSource,
  fileOutput,
  ociArchiveSink,
  ociArchiveSource,
  ociLayoutSink,
  ociLayoutSource,
} from "#formats";
import { draftOf } from "#image";
import { encodeDocument, type ImageIndex, MediaType } from "#oci";
import { type ImageSink, uncompressedLayer, verified, writeImage } from "#write";
import { digest } from "../../support/docker-archive.ts";
import { draftWith, plainLayer, seededBytes } from "../../support/drafts.ts";
import {
  AMD64,
  blobFile,
  bytesOf,
  DOCKER,
  Layout,
  OCI,
  REF_NAME,
  readWhole,
  textOf,
} from "../../support/layout.ts";
import { countOperations, drawMoments, killedAt } from "../../support/moments.ts";
import { members } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { testProgram } from "../../support/varve.ts";

const MiB = 1024 * 1024;
const writer = testProgram("support/layout-writer");

async function newFolder(t: TestContext): Promise<string> {
  return `${await temporaryFolder(t)}/layout`;
}

function entriesOf(path: string): ImageIndex["manifests"] {
  return JSON.parse(readFileSync(`${path}/index.json`, "utf8")).manifests;
}

function tagsOf(path: string): (string | undefined)[] {
  return entriesOf(path).map(({ annotations }) => annotations?.[REF_NAME]);
}

/** Checks that everything in a layout is what its name says, and everything that is named is there. */
async function assertSound(path: string): Promise<void> {
  // Killed before it had begun.
  if (!existsSync(`${path}/oci-layout`)) return;
  for (const name of readdirSync(`${path}/blobs/sha256`)) {
    assert.equal(digest(readFileSync(`${path}/blobs/sha256/${name}`)), `sha256:${name}`);
  }
  assert.equal(readFileSync(`${path}/oci-layout`, "utf8"), '{"imageLayoutVersion":"1.0.0"}');
  if (!existsSync(`${path}/index.json`)) return;
  for (const { digest: select } of entriesOf(path)) {
    const { layers } = await ociLayoutSource({ path, select }).read(AMD64);
    for (const { descriptor } of layers) {
      assert.equal(statSync(`${path}/${blobFile(descriptor)}`).size, descriptor.size);
    }
  }
}

const FILES = ["blobs", "index.json", "oci-layout"];

describe("an OCI layout sink", () => {
  it("writes a layout of gzip layers unless told otherwise, and nothing else beside it", async (t) => {
    for (const [compression, type] of [
      [undefined, "tar+gzip"],
      ["gzip", "tar+gzip"],
      ["zstd", "tar+zstd"],
      ["none", "tar"],
    ] as [Compression | undefined, string][]) {
      const path = await newFolder(t);
      const draft = draftWith(["a", "b"], 3 * MiB);
      const [written] = await writeImage(
        draft,
        [ociLayoutSink({ path, tag: "it" })],
        compression === undefined ? {} : { compression: { algorithm: compression } },
      );
      assert.deepEqual(readdirSync(path).sort(), FILES);
      await assertSound(path);
      const [entry] = entriesOf(path);
      assert.deepEqual(entry, {
        mediaType: `${OCI}manifest.v1+json`,
        digest: written!.descriptor.digest,
        size: written!.descriptor.size,
        platform: { os: "linux", architecture: "amd64" },
        annotations: { [REF_NAME]: "it" },
      });
      const image = await readWhole(ociLayoutSource({ path, select: "it" }));
      for (const [index, layer] of image.layers.entries()) {
        assert.equal(layer.descriptor.mediaType, `${OCI}layer.v1.${type}`);
        assert.equal(written!.layers[index]!.outcome, "written");
        const plain = await uncompressedLayer(layer, "it");
        assert.ok((await bytesOf(plain)).equals(await bytesOf(draft.list[index]!)));
      }
    }
  });

  it("doesn't write, nor read, what is there already", async (t) => {
    const path = await newFolder(t);
    const layout = new Layout();
    layout.holds(await layout.image());
    layout.toFolder(`${path}-source`);
    const image = await ociLayoutSource({ path: `${path}-source` }).read(AMD64);
    const first = await writeImage(draftOf(image), [ociLayoutSink({ path, tag: "a" })]);
    assert.deepEqual(
      first[0]!.layers.map(({ outcome }) => outcome),
      ["written", "written"],
    );
    const times = () =>
      readdirSync(`${path}/blobs/sha256`).map((name) => statSync(`${path}/blobs/sha256/${name}`).ino);
    const before = times();
    const unreadable = {
      ...image,
      layers: image.layers.map((layer) => ({ ...layer, open: () => assert.fail() })),
    };
    const [second] = await writeImage(draftOf(unreadable), [ociLayoutSink({ path, tag: "b" })]);
    assert.deepEqual(
      second!.layers.map(({ outcome }) => outcome),
      ["present", "present"],
    );
    assert.deepEqual(times(), before);
    assert.deepEqual(tagsOf(path), ["a", "b"]);
    // A blob of another size is none of ours, whatever its name.
    const [blob] = second!.layers;
    writeFileSync(`${path}/blobs/sha256/${blob!.descriptor.digest.slice(7)}`, "short");
    await writeImage(draftOf(image), [ociLayoutSink({ path, tag: "b" })]);
    await assertSound(path);
  });

  it("stores a layer that comes twice once", async (t) => {
    const path = await newFolder(t);
    const [written] = await writeImage(draftWith(["a", "b", "a"]), [ociLayoutSink({ path })]);
    assert.deepEqual(
      written!.layers.map(({ outcome }) => outcome),
      ["written", "written", "present"],
    );
    assert.equal(readdirSync(`${path}/blobs/sha256`).length, 4);
  });

  it("gives a tag to the last image that was written with it, and keeps the others", async (t) => {
    const path = await newFolder(t);
    for (const [seed, tag] of ["a1", "b2", "c3", "d1"].map((text) => [...text])) {
      await writeImage(draftWith([seed!]), [ociLayoutSink({ path, tag })]);
    }
    assert.deepEqual(tagsOf(path), ["1", "2", "3"]);
    const image = await readWhole(ociLayoutSource({ path, select: "1" }));
    assert.equal(image.layers[0]!.diffId, draftWith(["d"]).list[0]!.diffId);
  });

  it("names an image as it is called, if it is given no tag", async (t) => {
    const path = await newFolder(t);
    const names = ["app:1", "localhost:5000/own/app:2"];
    await writeImage(draftWith(["a"], 1000, names), [ociLayoutSink({ path })]);
    await writeImage(draftWith(["b"]), [ociLayoutSink({ path })]);
    await writeImage(draftWith(["b"]), [ociLayoutSink({ path })]);
    assert.deepEqual(tagsOf(path), ["1", "2", undefined]);
    const image = await ociLayoutSource({ path, select: "library/app:1" }).read(AMD64);
    assert.deepEqual(image.names, ["docker.io/library/app:1"]);
  });

  it("writes an index over images that it wrote untagged", async (t) => {
    const path = await newFolder(t);
    const sink = ociLayoutSink({ path, tag: "both" });
    const layout = new Layout();
    const manifests = [];
    for (const architecture of ["amd64", "arm64"]) {
      layout.holds(await layout.image({ text: architecture, architecture }));
      layout.toFolder(`${path}-${architecture}`);
      const image = await ociLayoutSource({ path: `${path}-${architecture}` }).read(AMD64);
      const [written] = await writeImage(draftOf(image), [sink], { untagged: true });
      manifests.push({ ...written!.descriptor, platform: { os: "linux", architecture } });
    }
    assert.ok(!existsSync(`${path}/index.json`));
    const index = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests } as const;
    const document = encodeDocument<ImageIndex>(index, MediaType.ociIndex);
    assert.equal((await sink.writeIndex!(document, {})).digest, document.descriptor.digest);
    assert.deepEqual(tagsOf(path), ["both"]);
    for (const architecture of ["amd64", "arm64"]) {
      const source = ociLayoutSource({ path, select: "both" });
      assert.equal(textOf(await source.read({ platform: { os: "linux", architecture } })), architecture);
    }
  });

  it("leaves nothing of an image whose layers can't be read", async (t) => {
    const path = await newFolder(t);
    await writeImage(draftWith(["a"]), [ociLayoutSink({ path, tag: "a" })]);
    const before = readdirSync(path, { recursive: true });
    const index = readFileSync(`${path}/index.json`);
    const layer = plainLayer(seededBytes("b", 2 * MiB));
    const failing = {
      ...draftWith([]),
      async *layers() {
        yield {
          ...layer,
          async *open() {
            yield seededBytes("b", MiB);
            throw new Error("the layer broke");
          },
        };
      },
    };
    for (const algorithm of ["gzip", "none"] as const) {
      const sink = ociLayoutSink({ path, tag: "a" });
      await assert.rejects(writeImage(failing, [sink], { compression: { algorithm } }), /the layer broke/);
      assert.deepEqual(readdirSync(path, { recursive: true }), before);
      assert.deepEqual(readFileSync(`${path}/index.json`), index);
    }
  });

  it("doesn't make a layout of a folder that holds something else, nor writes through links", async (t) => {
    const folder = await temporaryFolder(t);
    const refused = async (path: string, code: string) => {
      await assert.rejects(writeImage(draftWith(["a"]), [ociLayoutSink({ path })]), { code });
    };
    mkdirSync(`${folder}/project`);
    writeFileSync(`${folder}/project/package.json`, "{}");
    await refused(`${folder}/project`, "UNWRITABLE");
    assert.deepEqual(readdirSync(`${folder}/project`), ["package.json"]);
    await refused(`${folder}/project/package.json`, "UNWRITABLE");

    mkdirSync(`${folder}/elsewhere`);
    mkdirSync(`${folder}/linked`);
    symlinkSync("../elsewhere", `${folder}/linked/blobs`);
    await refused(`${folder}/linked`, "INVALID_IMAGE");
    assert.deepEqual(readdirSync(`${folder}/elsewhere`), []);

    const layout = new Layout().holds();
    layout.files.set("index.json", Buffer.from("{}"));
    await refused(layout.toFolder(`${folder}/broken`), "INVALID_MANIFEST");
    assert.equal(readFileSync(`${folder}/broken/index.json`, "utf8"), "{}");
  });
});

/** Runs `layout-writer.ts`; every line that it prints is waited for. */
function startWriter(args: readonly string[], env: Record<string, string> = {}): ChildProcess {
  return spawn(process.execPath, [writer, ...args], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...env },
  });
}

describe("processes that write into one OCI layout", () => {
  it("at the same time lose none of their images", async (t) => {
    const path = await newFolder(t);
    const writers = ["a", "b", "c", "d", "e", "f"];
    const codes = await Promise.all(
      writers.map(async (tag) => {
        const child = startWriter([path, tag, "6", "20000"]);
        child.stdout!.resume();
        return (await once(child, "close"))[0];
      }),
    );
    assert.deepEqual(codes, Array(6).fill(0));
    const expected = writers.flatMap((tag) => [0, 1, 2, 3, 4, 5].map((number) => `${tag}-${number}`));
    assert.deepEqual(tagsOf(path).sort(), expected);
    await assertSound(path);
    assert.deepEqual(readdirSync(path).sort(), FILES);
  });

  it("and are killed at any moment leave it sound, and the next one finishes and tidies up", async (t) => {
    const path = await newFolder(t);
    const write = async (args: readonly string[], env?: Record<string, string>) => {
      const child = startWriter(args, env);
      child.stdout!.resume();
      return await once(child, "close");
    };
    const killed = ["killed", "5", "100000"];
    const last = await countOperations(t, async (env) => {
      assert.deepEqual(await write([await newFolder(t), ...killed], env), [0, null]);
    });
    assert.deepEqual(await write([path, "first", "1", "100000"]), [0, null]);
    for (const moment of drawMoments(t, { count: 20, last })) {
      const [code, signal] = await write([path, ...killed], killedAt(moment));
      // What the one before had done needn't be done again, so there may be fewer operations.
      assert.ok(code === 0 || signal === "SIGKILL", `ended with ${code ?? signal}`);
      await assertSound(path);
    }
    assert.deepEqual(await write([path, "last", "2", "100000"]), [0, null]);
    await assertSound(path);
    assert.ok(tagsOf(path).includes("last-1"));
    assert.deepEqual(readdirSync(path).sort(), FILES);
  });
});

describe("an OCI archive sink", () => {
  async function write(path: string, algorithm?: Compression, tag = "it"): Promise<void> {
    const sink = ociArchiveSink({ output: fileOutput(path), tag });
    await writeImage(
      draftWith(["a", "b", "a"], 3 * MiB),
      [sink],
      algorithm === undefined ? {} : { compression: { algorithm } },
    );
  }

  it("writes the same bytes each time: the marker, the blobs, the index", async (t) => {
    const folder = await temporaryFolder(t);
    for (const algorithm of [undefined, "none", "gzip", "zstd"] as const) {
      await write(`${folder}/one.tar`, algorithm);
      await write(`${folder}/two.tar`, algorithm);
      const bytes = readFileSync(`${folder}/one.tar`);
      assert.ok(bytes.equals(readFileSync(`${folder}/two.tar`)));
      const entries = (await members(bytes)).map(({ entry }) => entry);
      assert.equal(entries[0]!.name, "oci-layout");
      assert.equal(entries.at(-1)!.name, "index.json");
      // Two layers, the config, the manifest.
      assert.equal(entries.length, 6);
      for (const { mtime, uid, gid, mode } of entries)
        assert.deepEqual([mtime, uid, gid, mode], [0, 0, 0, 0o644]);

      await using source = ociArchiveSource({ path: `${folder}/one.tar`, select: "it" });
      const image = await readWhole(source);
      assert.deepEqual(
        image.manifest!.value.layers.map(({ digest }) => digest),
        image.layers.map(({ descriptor }) => descriptor.digest),
      );
      const suffix = algorithm === "none" ? "tar" : `tar+${algorithm ?? "gzip"}`;
      for (const [index, layer] of image.layers.entries()) {
        assert.equal(layer.descriptor.mediaType, `${OCI}layer.v1.${suffix}`);
        const plain = await uncompressedLayer(layer, "it");
        assert.equal(plain.descriptor.digest, draftWith(["a", "b", "a"], 3 * MiB).list[index]!.diffId);
      }
    }
  });

  it("leaves neither an archive nor temporary files when a layer can't be read", async (t) => {
    const folder = await temporaryFolder(t);
    const layer = plainLayer(seededBytes("a", MiB));
    const broken = { ...layer, open: () => plainLayer(seededBytes("other", MiB)).open() };
    const draft = {
      ...draftWith([]),
      async *layers() {
        yield { ...broken, open: () => verified(broken.open(), layer.descriptor, "the layer") };
      },
    };
    for (const algorithm of ["none", "gzip"] as const) {
      const sink = ociArchiveSink({ output: fileOutput(`${folder}/it.tar`) });
      await assert.rejects(writeImage(draft, [sink], { compression: { algorithm } }), {
        code: "DIGEST_MISMATCH",
      });
      assert.deepEqual(readdirSync(folder), []);
    }
  });
});

describe("an image that goes from format to format", () => {
  it("keeps its digests where it keeps its layers, and its ID everywhere", async (t) => {
    const folder = await temporaryFolder(t);
    const layout = new Layout();
    for (const family of ["oci", "docker"] as const) {
      layout.holds(await layout.image({ family }));
      layout.toFolder(`${folder}/${family}`);
      const copy = async (source: Parameters<typeof readWhole>[0], sink: ImageSink) => {
        const [written] = await writeImage(draftOf(await source.read(AMD64)), [sink]);
        await source[Symbol.asyncDispose]();
        return written!;
      };
      const at = (name: string) => `${folder}/${family}-${name}`;
      const origin = await ociLayoutSource({ path: `${folder}/${family}` }).read(AMD64);
      const { digest: manifest } = origin.manifest!.descriptor;
      const id = origin.config.descriptor.digest;

      const archive = await copy(
        ociLayoutSource({ path: `${folder}/${family}` }),
        ociArchiveSink({ output: fileOutput(at("a.tar.zst")), tag: "x" }),
      );
      assert.equal(archive.descriptor.digest, manifest);
      const back = await copy(
        ociArchiveSource({ path: at("a.tar.zst"), select: "x" }),
        ociLayoutSink({ path: at("b"), tag: "x" }),
      );
      assert.equal(back.descriptor.digest, manifest);
      const docker = await copy(
        ociLayoutSource({ path: at("b"), select: "x" }),
        dockerArchiveSink({ output: fileOutput(at("c.tar")), names: ["x:1"] }),
      );
      assert.equal(docker.descriptor.digest, id);
      await using made = dockerArchiveSource({ path: at("c.tar"), select: "x:1" });
      const { layers } = await readWhole(made);
      assert.deepEqual(
        layers.map(({ diffId }) => diffId),
        origin.layers.map(({ diffId }) => diffId),
      );
      const again = await copy(dockerArchiveSource({ path: at("c.tar") }), ociLayoutSink({ path: at("d") }));
      assert.equal(again.config.digest, id);
      const end = await readWhole(ociLayoutSource({ path: at("d") }));
      // What is made anew is OCI's, whatever it was.
      assert.ok(!JSON.stringify(end.manifest!.value).includes(DOCKER));
    }
  });
});
