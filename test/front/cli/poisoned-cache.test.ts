/** What becomes of a build when the shared cache, which strangers can write, lies to it. */
import assert from "node:assert/strict";
import { cpSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it, type TestContext } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { type CacheEntry, encodeSegment, NO_SUB, openDigestCache, type SharedRecord } from "#cache";
import { type Digest, digestOf, MediaType } from "#oci";
import { FakeRegistry, sha256 } from "#testing";
import { blobKeyDigits } from "../../../src/layers/cache/key.ts";
import { filesIn } from "../../layers/cache/support/samples.ts";
import { seededBytes } from "../../support/drafts.ts";
import { assertFailed } from "../../support/failure.ts";
import { members } from "../../support/tar.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

/** A small layer, which is compressed before it is sent, and one that is sent while it is being compressed. */
const SIZES = [3000, 17 * 1024 * 1024];

const APP = "team/app";
const CACHE = "team/cache";

interface ManifestText {
  readonly config: { readonly digest: string };
  readonly layers: { digest: string; size: number }[];
}

/** A layer that an attacker would like to see in the image. */
interface Evil {
  readonly diffId: Digest;
  readonly size: number;
  readonly blob: { readonly digest: Digest; readonly size: number };
}

interface Scene {
  /** The cache of the honest build. */
  readonly cacheDir: string;
  readonly registry: FakeRegistry;
  readonly evil: Evil;
  /** The layers' blobs of the image that is right. */
  readonly truth: readonly string[];
  /** What the honest build put into the shared cache. */
  readonly entries: readonly CacheEntry[];
  /** Puts other entries into the shared cache. */
  plant(entries: readonly CacheEntry[]): void;
  /** Builds with a cache of its own, and the shared one. */
  build(cacheDir: string, ...options: string[]): ReturnType<typeof varve>;
  /** The blobs of the layers that a tag of the registry names; their bytes are checked against the config. */
  layersAt(tag: string): string[];
}

async function scene(t: Pick<TestContext, "after">): Promise<Scene> {
  const folder = await temporaryFolder(t);
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  const graph = SIZES.map((size, index) => {
    const path = join(folder, "store", `path-${index}`);
    mkdirSync(path, { recursive: true });
    const content = Buffer.alloc(size);
    content.set(seededBytes(`content ${index}`, 2000));
    writeFileSync(join(path, "file"), content);
    return { path, references: [], narHash: `sha256-${Buffer.alloc(32, index).toString("base64")}` };
  });
  writeFileSync(join(folder, "graph.json"), JSON.stringify(graph));
  writeFileSync(join(folder, "spec.json"), JSON.stringify({ name: "app", tag: "1", graph: "graph.json" }));

  const archive = Buffer.alloc(10240);
  archive.write("evil");
  const blob = gzipSync(archive);
  registry.addBlob(APP, blob);
  const evil = {
    diffId: digestOf(archive),
    size: archive.length,
    blob: { digest: digestOf(blob), size: blob.length },
  };

  const build = (cacheDir: string, ...options: string[]) =>
    varve(["build", join(folder, "spec.json"), "--cache-dir", cacheDir, ...options]);
  const layersAt = (tag: string) => {
    const read = (digest: string) => registry.blob(APP, digest) ?? assert.fail(`${digest} isn't there`);
    const found = registry.manifests.get(`${APP}:${tag}`) ?? assert.fail(`nothing is at ${tag}`);
    const { config, layers } = JSON.parse(found.bytes.toString()) as ManifestText;
    const { rootfs } = JSON.parse(read(config.digest).toString()) as { rootfs: { diff_ids: string[] } };
    assert.deepEqual(
      layers.map(({ digest }) => sha256(gunzipSync(read(digest)))),
      rootfs.diff_ids,
    );
    return layers.map(({ digest }) => digest);
  };
  const index = `${registry.host}/${CACHE}:main`;
  const cacheDir = join(folder, "cache");
  const truthful = await build(cacheDir, "--push", `${registry.host}/${APP}:truth`, "--cache-to", index);
  assert.equal(truthful.code, 0, truthful.stderr);
  const truth = layersAt("truth");

  const entries = [...openDigestCache({ folder: cacheDir, now: Date.now }).exportEntries()];
  return {
    cacheDir,
    registry,
    evil,
    truth,
    entries,
    layersAt,
    plant(others) {
      for (const name of registry.manifests.keys())
        if (name.startsWith(`${CACHE}:main.`)) registry.manifests.delete(name);
      const bytes = encodeSegment({ records: recordsOf(others), replaced: [] });
      const digest = registry.addBlob(CACHE, bytes);
      const manifest = Buffer.from(JSON.stringify({ schemaVersion: 2 }));
      const tag = `main.c2-${digest.slice("sha256:".length)}-${bytes.length.toString(36)}`;
      registry.manifests.set(`${CACHE}:${tag}`, { bytes: manifest, mediaType: MediaType.ociManifest });
    },
    build: (cacheDir, ...options) => build(cacheDir, ...options, "--cache-from", index),
  };
}

/** Entries as a shared cache has them. Which blob is which layer's is only told by its key, so each is told of all layers. */
function recordsOf(entries: readonly CacheEntry[]): SharedRecord[] {
  const day = Math.floor(Date.now() / 86_400_000);
  const layers = entries.filter(({ kind }) => kind === "layer");
  return layers.flatMap(({ key, digest, size }): SharedRecord[] => {
    const of = { key: key.slice(0, 16), day };
    const blobs = entries.filter(({ kind }) => kind === "blob");
    return [
      { ...of, kind: "layer", sub: NO_SUB, digest, size },
      ...blobs.map((blob) => ({
        ...of,
        kind: "blob" as const,
        sub: blob.key.slice(0, 16),
        digest: blob.digest,
        size: blob.size,
      })),
    ];
  });
}

/** Who lies, and what with. */
interface Lie {
  readonly change: (entry: CacheEntry, scene: Pick<Scene, "evil" | "entries">) => CacheEntry;
  /** Entries beside those that are changed. */
  readonly more?: (evil: Evil) => CacheEntry[];
}

/** What a cache says of the blob of an attacker's own layer. */
function wayToBlob({ diffId, blob }: Evil): CacheEntry {
  const library = `zlib ${process.versions.zlib}`;
  const key = blobKeyDigits({ diffId, algorithm: "gzip", level: undefined, library });
  return { kind: "blob", key, portable: true, ...blob };
}

/** The lies that somebody can tell who can write the tag of a shared cache. */
const LIES: Record<string, Lie> = {
  "the diff ID of another layer, and its blob": {
    change: (entry, { evil: { diffId, size } }) =>
      entry.kind === "layer" ? { ...entry, digest: diffId, size } : entry,
    more: (evil) => [wayToBlob(evil)],
  },
  "another blob for a diff ID": {
    change: (entry, { evil }) => (entry.kind === "blob" ? { ...entry, ...evil.blob } : entry),
  },
  "the diff ID of another of the image's own layers": {
    change: (entry, { entries }) => {
      if (entry.kind !== "layer") return entry;
      const others = entries.filter(({ kind, digest }) => kind === "layer" && digest !== entry.digest);
      return { ...others[0]!, key: entry.key };
    },
  },
  "another length for a layer": {
    change: (entry) => (entry.kind === "layer" ? { ...entry, size: entry.size + 512 } : entry),
  },
};

describe("a shared cache that a stranger can write", () => {
  const scope = stacked({ after });
  let made: Scene;

  before(async () => {
    made = await scene(scope);
  });

  for (const [what, { change, more }] of Object.entries(LIES)) {
    it(`has no build publish another layer by telling ${what}`, async (t) => {
      const { registry, evil, truth, entries, layersAt } = made;
      const folder = await temporaryFolder(t);
      const lies = entries.map((entry) => change(entry, made));
      assert.notDeepEqual(lies, entries);
      made.plant([...lies, ...(more?.(evil) ?? [])]);
      const name = `${registry.host}/${APP}`;
      const layout = ["--output", `oci:${join(folder, "image.oci")}`];
      const archive = ["--output", `docker-archive:${join(folder, "image.tar")}`];
      // One that has measured nothing yet, but knows blobs by itself.
      cpSync(made.cacheDir, join(folder, "own-blobs"), { recursive: true });
      for (const file of filesIn(join(folder, "own-blobs"))) if (file.includes("/layer/")) rmSync(file);
      const builds = {
        alone: ["--push", `${name}:alone`],
        "own-blobs": ["--push", `${name}:own-blobs`],
        layout: ["--push", `${name}:layout`, ...layout],
        archive: ["--push", `${name}:archive`, ...archive],
      };
      for (const [cacheDir, options] of Object.entries(builds)) {
        const { code, stderr } = await made.build(join(folder, cacheDir), ...options);
        assert.equal(code, 0, stderr);
        assert.deepEqual(layersAt(cacheDir), truth, cacheDir);
      }
      // What was built believes nothing of it later, and tells it to nobody.
      for (const cacheDir of Object.keys(builds)) {
        const own = [...openDigestCache({ folder: join(folder, cacheDir), now: Date.now }).exportEntries()];
        assert.deepEqual(own, entries, cacheDir);
      }
    });
  }

  it("spares a build that it tells the truth from sending large layers, though not from making them", async (t) => {
    const { registry, truth, entries, plant, build, layersAt } = made;
    plant(entries);
    registry.requests.length = 0;
    const { code, stderr } = await build(
      await temporaryFolder(t),
      "--push",
      `${registry.host}/${APP}:second`,
    );
    assert.equal(code, 0, stderr);
    assert.deepEqual(layersAt("second"), truth);
    const sent = registry.requests.filter(
      ({ method, path }) => method !== "HEAD" && path.includes("/uploads/"),
    );
    assert.deepEqual(sent, []);
  });

  it("makes no more than an image that isn't what its config says, of a build that believes how layers are compressed", async (t) => {
    const { registry, truth, entries, plant, build, layersAt } = made;
    plant(entries.map((entry) => LIES["another blob for a diff ID"]!.change(entry, made)));
    const folder = await temporaryFolder(t);
    const at = `${registry.host}/${APP}:believed`;
    const { code, stderr } = await build(folder, "--push", at, "--trust-cached-layers");
    assert.equal(code, 0, stderr);
    // The config's diff IDs are those of the files, and what is unpacked has others.
    assert.throws(() => layersAt("believed"));
    const config = (tag: string) =>
      (JSON.parse(registry.manifests.get(`${APP}:${tag}`)!.bytes.toString()) as ManifestText).config.digest;
    assert.equal(config("believed"), config("truth"));
    assertFailed(await varve(["validate", `docker://${at}`]), /^Error: .*sha256:/);
    // It keeps nothing of that, and tells nobody.
    plant([]);
    const later = await build(folder, "--push", `${registry.host}/${APP}:later`);
    assert.equal(later.code, 0, later.stderr);
    assert.deepEqual(layersAt("later"), truth);
  });

  it("is named by a build to stdout that it was wrong for, which can't begin again", async (t) => {
    const { entries, plant, build } = made;
    plant(entries.map((entry) => LIES["another length for a layer"]!.change(entry, made)));
    const finished = await build(await temporaryFolder(t));
    assertFailed(
      finished,
      /^Error: the layer of .* isn't what a shared cache says; build without that cache/,
    );
    await assert.rejects(members(finished.stdout), { code: "INVALID_TAR" });
  });
});
