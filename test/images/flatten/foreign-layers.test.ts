/** Layers as other programs write them: odd, but sound, and read by Docker, containerd and umoci. */
import assert from "node:assert/strict";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { gzipSync } from "node:zlib";
import { draftImage } from "#draft";
import { flattenedTree, flattenImage } from "#flatten";
import { mergedDockerArchive, ociLayoutSink, ociLayoutSource } from "#formats";
import { draftOf, type Image } from "#image";
import { checkSpec } from "#spec";
import { EntryType, readTar, streamInput } from "#tar";
import { uncompressedLayer, validateImage, writeImage } from "#write";
import { STILL } from "../../support/drafts.ts";
import { AMD64, bytesOf, Layout } from "../../support/layout.ts";
import { mustRun } from "../../support/process.ts";
import { writeSparse } from "../../support/sparse-file.ts";
import { blocks, header } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

async function validate(image: Image): Promise<{ size: number; entries: number }[]> {
  const found = [];
  for await (const { size, entries } of validateImage(image)) found.push({ size, entries });
  return found;
}

/** Files' contents by name, in what `varve export` writes. */
async function exported(image: Image): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for await (const { entry, read } of readTar(streamInput(flattenImage(image.layers)), "the export")) {
    if (entry.type === EntryType.file)
      files[entry.name] = Buffer.from(await read(entry.size)).toString("latin1");
  }
  return files;
}

async function all(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const chunk of chunks) parts.push(Uint8Array.from(chunk));
  return Buffer.concat(parts);
}

const FILE = Buffer.concat([header("file", { size: 3 }), blocks("abc")]);
const HOLE = Buffer.concat([Buffer.alloc(300_000), Buffer.from("content"), Buffer.alloc(100_001)]);
const TREE = { "tree/file": "abc", "tree/hole": HOLE.toString("latin1") };

/** What GNU tar writes of {@link TREE}, by its options. */
const GNU_TAR: readonly (readonly string[])[] = [
  ["--format=v7"],
  ["--format=ustar"],
  ["--format=oldgnu"],
  ["--format=gnu"],
  ["--format=posix"],
  ["--blocking-factor=1"],
  ["--blocking-factor=2048"],
  ["--label=a volume", "--format=posix"],
  ...["0.0", "0.1", "1.0"].map((version) => [
    "--format=posix",
    "--sparse",
    "--hole-detection=raw",
    `--sparse-version=${version}`,
  ]),
];

describe("a foreign layer", () => {
  for (const [what, tar, files] of [
    ["without an end marker", FILE, { file: "abc" }],
    ["with half of an end marker", Buffer.concat([FILE, Buffer.alloc(512)]), { file: "abc" }],
    ["whose last block isn't filled up", FILE.subarray(0, 515), { file: "abc" }],
    ["of no bytes", Buffer.alloc(0), {}],
  ] as const) {
    for (const how of ["plain", "gzip", "zstd"] as const) {
      it(`${what} (${how}) is valid, copied, exported, and a base whose links are followed`, async (t) => {
        const image = await imageOf(t, tar, how);
        assert.deepEqual(await validate(image), [{ size: tar.length, entries: Object.keys(files).length }]);
        assert.deepEqual(await exported(image), files);
        assert.equal(
          (await flattenedTree(image.layers)).get("/file")?.type,
          "file" in files ? "file" : undefined,
        );
        const plain = await uncompressedLayer(image.layers[0]!, "the layer");
        assert.deepEqual(await bytesOf(plain), Buffer.from(tar));
        assert.ok((await all(mergedDockerArchive([image]))).includes(tar));
        await copyAndBuild(t, image);
      });
    }
  }

  for (const options of GNU_TAR) {
    it(`that GNU tar wrote with ${options.join(" ")} has the content that it wrote`, async (t) => {
      const folder = await temporaryFolder(t);
      mkdirSync(`${folder}/tree`);
      writeFileSync(`${folder}/tree/file`, "abc");
      writeSparse(`${folder}/tree/hole`, HOLE);
      await mustRun(["tar", "-C", folder, ...options, "--sort=name", "-cf", `${folder}/a.tar`, "tree"]);
      const tar = readFileSync(`${folder}/a.tar`);
      assert.equal(tar.includes("GNU.sparse."), options.includes("--sparse"));
      const image = await imageOf(t, tar, "gzip");
      assert.equal((await validate(image))[0]!.entries, 3);
      assert.deepEqual(await exported(image), TREE);
    });
  }

  it("that GNU tar joined of two, or that ends in zeros, is read as GNU tar reads it", async (t) => {
    const folder = await temporaryFolder(t);
    for (const name of ["a", "b"]) {
      writeFileSync(`${folder}/${name}`, name);
      await mustRun(["tar", "-C", folder, "-cf", `${folder}/${name}.tar`, name]);
    }
    await mustRun(["tar", "-C", folder, "--concatenate", "-f", `${folder}/a.tar`, `${folder}/b.tar`]);
    const joined = readFileSync(`${folder}/a.tar`);
    for (const tar of [joined, Buffer.concat([joined, Buffer.alloc(1000)])]) {
      const image = await imageOf(t, tar, "gzip");
      assert.equal((await validate(image))[0]!.entries, 2);
      assert.deepEqual(await exported(image), { a: "a", b: "b" });
    }
  });

  it("that is cut short is refused where it isn't what its diff ID says", async (t) => {
    const layout = new Layout();
    const entry = layout.foreign(FILE, "gzip");
    const folder = layout.holds(entry).toFolder(await temporaryFolder(t));
    const source = ociLayoutSource({ path: folder });
    const image = await source.read(AMD64);
    const [layer] = image.layers;
    const cut = gzipSync(FILE.subarray(0, 0));
    const open = async function* () {
      yield cut;
    };
    const layers = [{ ...layer!, open }];
    await assert.rejects(validate({ ...image, layers }), { code: "DIGEST_MISMATCH" });
    await assert.rejects(flattenedTree(layers), { code: "DIGEST_MISMATCH" });
  });
});

type Context = Parameters<typeof temporaryFolder>[0];

async function imageOf(t: Context, tar: Uint8Array, how: "plain" | "gzip" | "zstd"): Promise<Image> {
  const layout = new Layout();
  layout.holds(layout.foreign(tar, how));
  return await ociLayoutSource({ path: layout.toFolder(await temporaryFolder(t)) }).read(AMD64);
}

/** Copies an image into another layout, where it is the same, and builds one on it, with a link where the base has names. */
async function copyAndBuild(t: Context, base: Image): Promise<void> {
  const folder = await temporaryFolder(t);
  await writeImage(draftOf(base), [ociLayoutSink({ path: join(folder, "copy") })]);
  const copy = await ociLayoutSource({ path: join(folder, "copy") }).read(AMD64);
  assert.deepEqual(Buffer.from(copy.manifest!.bytes), Buffer.from(base.manifest!.bytes));

  const path = join(folder, "store/own");
  mkdirSync(join(folder, "store"));
  writeTree(path, { dir: { own: { file: "own" } } });
  writeFileSync(join(folder, "graph.json"), JSON.stringify([{ path, references: [] }]));
  const fields = { name: "on-top", graph: join(folder, "graph.json"), contents: [path] };
  const draft = await draftImage(checkSpec(fields), { ...STILL, base: copy });
  await writeImage(draft, [ociLayoutSink({ path: join(folder, "built") })]);
  const built = await ociLayoutSource({ path: join(folder, "built") }).read(AMD64);
  const files = await exported(built);
  for (const [name, content] of Object.entries(await exported(base))) assert.equal(files[name], content);
  assert.equal(files[`${path.slice(1)}/own`], "own");
}
