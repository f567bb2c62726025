import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { zstdCompressSync } from "node:zlib";
import { type DigestCache, encodeEntries } from "#cache";
import { MediaType } from "#oci";
import { type FakeRegistry, fail, sha256 } from "#testing";
import { CACHE_ARTIFACT_TYPE, pullCacheIndex, pushCacheIndex } from "#transports";
import { blobKeyOf, blobOf, keyOf, layerOf, openAt } from "../../layers/cache/support/samples.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { fails, type Setup, setUp } from "../registry/support/setup.ts";

const REPOSITORY = "team/cache";
const TAG = `${REPOSITORY}:main`;

/** What pushing and pulling have in common in these tests: no time goes by, and warnings are kept. */
interface Work extends Setup {
  readonly warnings: string[];
  readonly options: Pick<Parameters<typeof pushCacheIndex>[1], "reference" | "onNote" | "pause">;
  newCache(...layers: number[]): DigestCache;
}

async function prepare(t: TestContext): Promise<Work> {
  const setup = await setUp(t);
  const folder = await temporaryFolder(t);
  const warnings: string[] = [];
  let caches = 0;
  return {
    ...setup,
    warnings,
    options: {
      reference: setup.reference(TAG),
      onNote: (sentence) => warnings.push(sentence),
      pause: async () => {},
    },
    newCache(...layers) {
      const cache = openAt(join(folder, String(caches++)));
      for (const number of layers) cache.putLayer(keyOf(number), layerOf(number));
      return cache;
    },
  };
}

/** Which of the first ten layers a cache has. */
function layersOf(cache: DigestCache): number[] {
  return Array.from({ length: 10 }, (_, number) => number).filter(
    (number) => cache.layer(keyOf(number))?.diffId === layerOf(number).diffId,
  );
}

interface ArtifactManifest {
  readonly config: unknown;
  readonly layers: readonly { readonly digest: string }[];
}

/** Puts an artifact at the tag without asking anybody. */
function plant(registry: FakeRegistry, layer: Uint8Array, changes: object = {}): void {
  const manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType: CACHE_ARTIFACT_TYPE,
    config: {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: registry.addBlob(REPOSITORY, Buffer.from("{}")),
      size: 2,
    },
    layers: [
      {
        mediaType: "application/vnd.varve.cache.entries.v1.jsonl+zstd",
        digest: registry.addBlob(REPOSITORY, layer),
        size: layer.length,
      },
    ],
    ...changes,
  };
  plantManifest(registry, Buffer.from(JSON.stringify(manifest)));
}

function plantManifest(registry: FakeRegistry, bytes: Buffer): void {
  for (const name of ["main", sha256(bytes)]) {
    registry.manifests.set(`${REPOSITORY}:${name}`, { bytes, mediaType: MediaType.ociManifest });
  }
}

function plantEntries(registry: FakeRegistry, cache: DigestCache): void {
  plant(registry, zstdCompressSync(encodeEntries(cache.exportEntries())));
}

describe("a cache that a fleet shares", () => {
  it("brings what one machine knows to another, and leaves out what means nothing there", async (t) => {
    const { client, options, newCache, warnings } = await prepare(t);
    const one = newCache(1, 2);
    one.putBlob(blobKeyOf(1), blobOf(1));
    one.putLayer(keyOf(3), { ...layerOf(3), portable: false });
    const pushed = await pushCacheIndex(client, { ...options, cache: one });
    assert.deepEqual([pushed.entries, pushed.added], [3, 3]);
    const two = newCache(2);
    assert.deepEqual(await pullCacheIndex(client, { ...options, cache: two }), {
      found: true,
      added: 2,
      known: 1,
    });
    assert.deepEqual(layersOf(two), [1, 2]);
    assert.deepEqual(two.claimedBlob(blobKeyOf(1)), blobOf(1));
    assert.deepEqual(warnings, []);
  });

  it("is an artifact as OCI describes them: a type, the empty config, a layer", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    const { digest } = await pushCacheIndex(client, { ...options, cache: newCache(1) });
    const { bytes, mediaType } = registry.manifests.get(TAG)!;
    assert.equal(digest, sha256(bytes));
    assert.equal(mediaType, MediaType.ociManifest);
    const { config, layers, ...rest } = JSON.parse(bytes.toString()) as ArtifactManifest;
    assert.deepEqual(rest, {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      artifactType: CACHE_ARTIFACT_TYPE,
    });
    assert.deepEqual(config, {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      size: 2,
    });
    assert.equal(layers.length, 1);
    assert.ok(registry.blob(REPOSITORY, layers[0]!.digest));
  });

  it("that isn't there yet is no news", async (t) => {
    const { client, options, newCache, warnings } = await prepare(t);
    const pulled = await pullCacheIndex(client, { ...options, cache: newCache() });
    assert.deepEqual(pulled, { found: false, added: 0, known: 0 });
    assert.deepEqual(warnings, []);
  });

  it("is only read when it has all there is, and not made for nothing", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    const nothing = await pushCacheIndex(client, { ...options, cache: newCache() });
    assert.deepEqual(nothing, { digest: undefined, entries: 0, added: 0 });
    const first = await pushCacheIndex(client, { ...options, cache: newCache(1, 2) });
    registry.requests.length = 0;
    const second = await pushCacheIndex(client, { ...options, cache: newCache(2) });
    assert.deepEqual(second, { digest: first.digest, entries: 2, added: 0 });
    assert.deepEqual(
      registry.requests.map(({ method }) => method),
      ["GET", "GET"],
    );
  });

  it("takes this machine's word where two differ", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    const wrong = newCache();
    wrong.putLayer(keyOf(1), layerOf(2));
    plantEntries(registry, wrong);
    assert.equal((await pushCacheIndex(client, { ...options, cache: newCache(1) })).added, 1);
    const reader = newCache();
    await pullCacheIndex(client, { ...options, cache: reader });
    assert.deepEqual(layersOf(reader), [1]);
  });
});

describe("two writers of a shared cache", () => {
  it("lose nothing one after the other", async (t) => {
    const { client, options, newCache } = await prepare(t);
    await pushCacheIndex(client, { ...options, cache: newCache(1, 2) });
    await pushCacheIndex(client, { ...options, cache: newCache(2, 3) });
    const reader = newCache();
    await pullCacheIndex(client, { ...options, cache: reader });
    assert.deepEqual(layersOf(reader), [1, 2, 3]);
  });

  it("lose nothing when one puts its index after the other has read and before it puts", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    const other = newCache(2);
    let put = false;
    registry.quirk = (_request, _response, { method, path }) => {
      if (!put && method === "HEAD" && path.includes("/manifests/")) {
        put = true;
        plantEntries(registry, other);
      }
      return false;
    };
    const { entries } = await pushCacheIndex(client, { ...options, cache: newCache(1) });
    assert.equal(entries, 2);
    const reader = newCache();
    await pullCacheIndex(client, { ...options, cache: reader });
    assert.deepEqual(layersOf(reader), [1, 2]);
  });

  it("lose nothing when one puts its index over the other's, which it has not seen", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    const other = newCache(2);
    let pauses = 0;
    const pause = async () => {
      if (pauses++ === 0) plantEntries(registry, other);
    };
    await pushCacheIndex(client, { ...options, cache: newCache(1), pause });
    const reader = newCache();
    await pullCacheIndex(client, { ...options, cache: reader });
    assert.deepEqual(layersOf(reader), [1, 2]);
  });

  it("lose nothing when there are eight at the same time", async (t) => {
    const { client, options, newCache } = await prepare(t);
    let working = 8;
    let waiting: (() => void)[] = [];
    // A pause ends when all others pause, too, or are done: so it is longer than whatever they were at.
    const wake = () => {
      if (waiting.length < working) return;
      const all = waiting;
      waiting = [];
      for (const resume of all) resume();
    };
    const pause = () =>
      new Promise<void>((resolve) => {
        waiting.push(resolve);
        wake();
      });
    await Promise.all(
      Array.from({ length: 8 }, async (_, number) => {
        await pushCacheIndex(client, { ...options, cache: newCache(number, 9), pause });
        working--;
        wake();
      }),
    );
    const reader = newCache();
    await pullCacheIndex(client, { ...options, cache: reader });
    assert.deepEqual(layersOf(reader), [0, 1, 2, 3, 4, 5, 6, 7, 9]);
  });

  it("don't go on for ever where another never leaves the tag alone", async (t) => {
    const { client, options, newCache, registry, warnings } = await prepare(t);
    let pauses = 0;
    const others = [newCache(2), newCache(3)] as const;
    const pause = async () => plantEntries(registry, others[pauses++ % 2 === 0 ? 0 : 1]);
    const pushed = await pushCacheIndex(client, { ...options, cache: newCache(1), pause });
    assert.equal(pushed.added, 0);
    assert.ok(pauses > 5 && pauses < 100, String(pauses));
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /team\/cache:main lacks entries of this machine/);
  });
});

describe("something else than a shared cache", () => {
  const image = (registry: FakeRegistry) => {
    const config = registry.addBlob(REPOSITORY, Buffer.from("{}"));
    return Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: MediaType.ociManifest,
        config: { mediaType: MediaType.ociConfig, digest: config, size: 2 },
        layers: [],
      }),
    );
  };

  it("at the tag is told of when it is pulled, and never written over", async (t) => {
    const { client, options, newCache, registry, warnings } = await prepare(t);
    const bytes = image(registry);
    plantManifest(registry, bytes);
    const cache = newCache(1);
    assert.equal((await pullCacheIndex(client, { ...options, cache })).found, false);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /team\/cache:main is not used: .* is not a cache of varve's/);
    await fails(pushCacheIndex(client, { ...options, cache }), "USAGE", /name a tag that nothing else/);
    assert.deepEqual(registry.manifests.get(TAG)!.bytes, bytes);
  });

  it("is a reference by digest, to which nothing can be pushed", async (t) => {
    const { client, newCache, registry, reference } = await prepare(t);
    const digest = sha256(image(registry));
    const push = pushCacheIndex(client, { reference: reference(`${TAG}@${digest}`), cache: newCache(1) });
    await fails(push, "USAGE", /give a tag/);
    assert.deepEqual(registry.log, []);
  });
});

describe("a shared cache that is broken", () => {
  const damages: Record<string, (registry: FakeRegistry, good: Uint8Array) => void> = {
    "that isn't compressed": (registry) => plant(registry, Buffer.from("no zstd")),
    "whose layer is gone": (registry, good) => {
      plant(registry, good);
      registry.blobs.delete(`${REPOSITORY}@${sha256(good)}`);
    },
    "whose layer has other bytes": (registry, good) => {
      plant(registry, good);
      const other = Buffer.from(good);
      other[other.length - 1]! ^= 1;
      registry.blobs.set(`${REPOSITORY}@${sha256(good)}`, other);
    },
    "that has no layer": (registry, good) => plant(registry, good, { layers: [] }),
    "whose layer grows out of all bounds": (registry) =>
      plant(registry, zstdCompressSync(Buffer.alloc(70_000_000))),
  };
  for (const [words, damage] of Object.entries(damages)) {
    it(`is nothing known, with a warning, and replaced by the next push: one ${words}`, async (t) => {
      const { client, options, newCache, registry, warnings } = await prepare(t);
      const good = zstdCompressSync(encodeEntries(newCache(1).exportEntries()));
      damage(registry, good);
      const reader = newCache();
      const pulled = await pullCacheIndex(client, { ...options, cache: reader });
      assert.deepEqual(pulled, { found: false, added: 0, known: 0 });
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /team\/cache:main is broken and not used: /);
      await pushCacheIndex(client, { ...options, cache: newCache(2) });
      await pullCacheIndex(client, { ...options, cache: reader });
      assert.deepEqual(layersOf(reader), [2]);
      assert.equal(warnings.length, 2);
    });
  }

  it("gives its sound entries, and has nothing but these after the next push", async (t) => {
    const { client, options, newCache, registry, warnings } = await prepare(t);
    const lines = Buffer.from(encodeEntries(newCache(1, 2).exportEntries())).toString();
    const broken = Buffer.from(lines.replace('"size":512', '"size":513'));
    const elsewhere = [...newCache(3).exportEntries()].map((entry) => ({ ...entry, portable: false }));
    plant(registry, zstdCompressSync(Buffer.concat([broken, encodeEntries(elsewhere)])));
    const reader = newCache();
    assert.deepEqual(await pullCacheIndex(client, { ...options, cache: reader }), {
      found: false,
      added: 1,
      known: 0,
    });
    assert.deepEqual(layersOf(reader), [2]);
    assert.match(warnings[0]!, /has 2 broken entries/);
    await pushCacheIndex(client, { ...options, cache: newCache() });
    const [layer] = (JSON.parse(registry.manifests.get(TAG)!.bytes.toString()) as ArtifactManifest).layers;
    assert.ok(registry.blob(REPOSITORY, layer!.digest));
    assert.deepEqual(await pullCacheIndex(client, { ...options, cache: newCache() }), {
      found: true,
      added: 1,
      known: 0,
    });
  });

  it("that can't be reached is a warning to who pulls, and a failure to who pushes", async (t) => {
    const { client, options, newCache, registry, warnings } = await prepare(t);
    registry.quirk = (_request, response) => {
      fail(response, 403, "DENIED", "not for you");
      return true;
    };
    const cache = newCache(1);
    assert.equal((await pullCacheIndex(client, { ...options, cache })).found, false);
    assert.match(warnings[0]!, /DENIED: not for you/);
    await fails(pushCacheIndex(client, { ...options, cache }), "UNAUTHORIZED", /not for you/);
  });

  it("isn't waited for by who has cancelled", async (t) => {
    const { client, options, newCache } = await prepare(t);
    const signal = AbortSignal.abort();
    const cache = newCache(1);
    await fails(pullCacheIndex(client, { ...options, cache, signal }), "ABORTED", /cancelled/);
    await fails(pushCacheIndex(client, { ...options, cache, signal }), "ABORTED", /cancelled/);
  });
});
