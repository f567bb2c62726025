import assert from "node:assert/strict";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type DigestCache, encodeSegment, type LayerKey, NO_SUB, type SharedRecord } from "#cache";
import { MediaType, parseDigest } from "#oci";
import { type FakeRegistry, fail, sha256 } from "#testing";
import { CACHE_ARTIFACT_TYPE, pruneSharedCache, pullSharedCache, pushSharedCache } from "#transports";
import { blobKeyDigits } from "../../../src/layers/cache/key.ts";
import { pushTo } from "../../../src/places/transports/shared-cache/exchange.ts";
import { registryStore, wait } from "../../../src/places/transports/shared-cache/store.ts";
import { blobKeyOf, blobOf, DAY, keyOf, layerOf, NOW, openAt } from "../../layers/cache/support/samples.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { fails, type Setup, setUp } from "../registry/support/setup.ts";

const REPOSITORY = "team/cache";
const TAG = `${REPOSITORY}:main`;

/** What pushing and pulling have in common in these tests: no time goes by, and warnings are kept. */
interface Work extends Setup {
  readonly warnings: string[];
  readonly options: Pick<Parameters<typeof pushSharedCache>[1], "reference" | "onNote" | "pause">;
  /** A cache that has measured layers, and one that hasn't. */
  newCache(...layers: number[]): DigestCache;
  /** Reads the shared cache with a new one. */
  pull(): Promise<DigestCache>;
}

async function prepare(t: TestContext): Promise<Work> {
  const setup = await setUp(t);
  const folder = await temporaryFolder(t);
  const warnings: string[] = [];
  let caches = 0;
  const work: Omit<Work, "pull"> = {
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
  const pull = async () => {
    const cache = work.newCache();
    await pullSharedCache(setup.client, { ...work.options, cache });
    return cache;
  };
  return { ...work, pull };
}

const NUMBERS = Array.from({ length: 20 }, (_, number) => number);

/** Which of the first layers a cache has, or has been told of. */
async function layersOf(cache: DigestCache, numbers: readonly number[] = NUMBERS): Promise<number[]> {
  await cache.askFor(numbers.map(keyOf));
  return numbers.filter((number) => cache.layer(keyOf(number))?.diffId === layerOf(number).diffId);
}

function tagsOf(registry: FakeRegistry): string[] {
  return [...registry.manifests.keys()]
    .map((key) => key.slice(REPOSITORY.length + 1))
    .filter((name) => !name.includes(":"))
    .sort();
}

function plantManifest(registry: FakeRegistry, name: string, value: object): void {
  const bytes = Buffer.from(JSON.stringify(value));
  for (const key of [name, sha256(bytes)])
    registry.manifests.set(`${REPOSITORY}:${key}`, { bytes, mediaType: MediaType.ociManifest });
}

/** Puts a segment into the registry without asking anybody. */
function plant(registry: FakeRegistry, bytes: Uint8Array): void {
  const empty = {
    mediaType: "application/vnd.oci.empty.v1+json",
    digest: registry.addBlob(REPOSITORY, Buffer.from("{}")),
    size: 2,
  };
  const shape = { schemaVersion: 2, mediaType: MediaType.ociManifest, config: empty };
  plantManifest(registry, "main", { ...shape, artifactType: CACHE_ARTIFACT_TYPE, layers: [empty] });
  const digest = registry.addBlob(REPOSITORY, bytes);
  const layer = { mediaType: "application/vnd.varve.cache.segment.v2", digest, size: bytes.length };
  const tag = `main.c2-${digest.slice("sha256:".length)}-${bytes.length.toString(36)}`;
  plantManifest(registry, tag, { ...shape, artifactType: layer.mediaType, layers: [layer] });
}

describe("a cache that a fleet shares", () => {
  it("brings what one machine knows to another, and leaves out what means nothing there", async (t) => {
    const { client, options, newCache, warnings } = await prepare(t);
    const one = newCache(1, 2);
    one.putBlob(blobKeyOf(1), blobOf(1));
    one.putLayer(keyOf(3), { ...layerOf(3), portable: false });
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: one }), { added: 3 });
    const two = newCache(2);
    assert.equal(await pullSharedCache(client, { ...options, cache: two }), true);
    assert.deepEqual(await layersOf(two), [1, 2]);
    assert.deepEqual(two.layer(keyOf(1)), { ...layerOf(1), claimed: true });
    assert.deepEqual(two.layer(keyOf(2)), layerOf(2));
    assert.deepEqual(two.claimedBlob(blobKeyOf(1)), blobOf(1));
    assert.deepEqual(warnings, []);
  });

  it("has artifacts as OCI describes them, and tags that begin with its own", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    await pushSharedCache(client, { ...options, cache: newCache(1) });
    const [own, segment, ...others] = tagsOf(registry);
    assert.equal(own, "main");
    assert.match(segment!, /^main\.c2-[0-9a-f]{64}-[0-9a-z]+$/);
    assert.deepEqual(others, []);
    const config = {
      mediaType: "application/vnd.oci.empty.v1+json",
      digest: "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a",
      size: 2,
    };
    const shape = { schemaVersion: 2, mediaType: MediaType.ociManifest, config };
    const read = (tag: string) =>
      JSON.parse(registry.manifests.get(`${REPOSITORY}:${tag}`)!.bytes.toString());
    assert.deepEqual(read("main"), { ...shape, artifactType: CACHE_ARTIFACT_TYPE, layers: [config] });
    const mediaType = "application/vnd.varve.cache.segment.v2";
    const [, digest, size] = /c2-(.+)-(.+)/.exec(segment!)!;
    const layers = [{ mediaType, digest: `sha256:${digest}`, size: Number.parseInt(size!, 36) }];
    assert.deepEqual(read(segment!), { ...shape, artifactType: mediaType, layers });
  });

  it("that isn't there yet is no news, and isn't made for nothing", async (t) => {
    const { client, options, newCache, pull, registry, warnings } = await prepare(t);
    assert.deepEqual(await layersOf(await pull()), []);
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: newCache() }), { added: 0 });
    assert.deepEqual([tagsOf(registry), warnings], [[], []]);
  });

  it("is only read when it has all there is", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    await pushSharedCache(client, { ...options, cache: newCache(1, 2) });
    registry.requests.length = 0;
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: newCache(2) }), { added: 0 });
    assert.deepEqual(
      registry.requests.map(({ method }) => method),
      ["GET", "GET", "GET"],
    );
  });

  it("is told what was used in this run, and not all that this machine ever measured", async (t) => {
    const { client, options, newCache, pull } = await prepare(t);
    const earlier = newCache(1, 2, 3);
    const cache = openAt(earlier.folder);
    cache.layer(keyOf(2));
    assert.deepEqual(await pushSharedCache(client, { ...options, cache }), { added: 1 });
    assert.deepEqual(await layersOf(await pull()), [2]);
  });

  it("is asked once for what isn't known here, and for nothing else", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    const many = Array.from({ length: 1000 }, (_, number) => number);
    await pushSharedCache(client, { ...options, cache: newCache(...many) });
    const reader = newCache(1);
    await pullSharedCache(client, { ...options, cache: reader });
    registry.requests.length = 0;
    // A machine that knows all asks nothing.
    await reader.askFor([keyOf(1)]);
    assert.deepEqual(registry.requests, []);
    await reader.askFor([keyOf(3)]);
    registry.requests.length = 0;
    await reader.askFor([keyOf(1), keyOf(2)]);
    await reader.askFor([keyOf(1), keyOf(2)]);
    assert.equal(registry.requests.length, 1);
    const [request] = registry.requests as readonly { headers: { range?: string | undefined } }[];
    assert.match(request?.headers.range ?? "", /^bytes=\d+-\d+$/);
    assert.deepEqual(reader.layer(keyOf(2)), { ...layerOf(2), claimed: true });
  });

  it("isn't read again by who has asked it for all that it would be told", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    await pushSharedCache(client, { ...options, cache: newCache(1, 2) });
    const cache = newCache();
    await pullSharedCache(client, { ...options, cache });
    await cache.askFor([keyOf(1), keyOf(2)]);
    // As if the layers had been packed, and were what was said.
    for (const number of [1, 2]) cache.putLayer(keyOf(number), layerOf(number));
    registry.requests.length = 0;
    assert.deepEqual(await pushSharedCache(client, { ...options, cache }), { added: 0 });
    assert.equal(registry.requests.length, 1);
    cache.putBlob(blobKeyOf(1), blobOf(1));
    assert.deepEqual(await pushSharedCache(client, { ...options, cache }), { added: 1 });
  });

  it("writes the same on the same day, and again what was used after a week", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    const { folder } = newCache(1);
    const push = async (now: number) => {
      const cache = openAt(folder, now);
      cache.layer(keyOf(1));
      return (await pushSharedCache(client, { ...options, cache })).added;
    };
    assert.equal(await push(NOW), 1);
    const tags = tagsOf(registry);
    registry.manifests.clear();
    assert.equal(await push(NOW + DAY / 3), 1);
    assert.deepEqual(tagsOf(registry), tags);
    assert.equal(await push(NOW + 7 * DAY), 0);
    assert.equal(await push(NOW + 8 * DAY), 1);
  });

  it("takes this machine's word where two differ, if it isn't older", async (t) => {
    const { client, options, newCache, pull } = await prepare(t);
    const wrong = openAt(newCache().folder, NOW - DAY);
    wrong.putLayer(keyOf(1), layerOf(2));
    await pushSharedCache(client, { ...options, cache: wrong });
    assert.deepEqual(await layersOf(await pull()), []);
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: newCache(1) }), { added: 1 });
    assert.deepEqual(await layersOf(await pull()), [1]);
  });

  it("knows a base's names and links, which only those believe who were told to", async (t) => {
    const { client, options, newCache, warnings } = await prepare(t);
    const diffIds = [layerOf(1).diffId];
    const notes = Buffer.from(JSON.stringify([["/bin", { type: "symlink", target: "usr/bin" }]]));
    const one = newCache();
    one.putBase(diffIds, notes);
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: one }), { added: 1 });
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: one }), { added: 0 });
    const [wary, trusting] = [newCache(), newCache()];
    await pullSharedCache(client, { ...options, cache: wary });
    await pullSharedCache(client, { ...options, cache: trusting, trustBases: true });
    assert.equal(await wary.claimedBase(diffIds), undefined);
    assert.deepEqual(Buffer.from((await trusting.claimedBase(diffIds))!), notes);
    assert.equal(await trusting.claimedBase([layerOf(2).diffId]), undefined);
    // What was believed isn't told to others as if it were known.
    assert.equal(trusting.base(diffIds), undefined);
    assert.deepEqual([...trusting.sharable().bases], []);
    assert.deepEqual(warnings, []);
  });

  it("keeps the notes about bases when segments are merged", async (t) => {
    const { client, options, newCache, registry } = await prepare(t);
    for (let number = 0; number < 12; number++) {
      const cache = newCache(number);
      if (number === 0) cache.putBase([layerOf(0).diffId], Buffer.from("[]"));
      await pushSharedCache(client, { ...options, cache });
    }
    const kept = [...registry.manifests.values()].flatMap(({ bytes }) => {
      const { layers } = JSON.parse(bytes.toString()) as { layers: { mediaType: string; digest: string }[] };
      return layers.filter(({ mediaType }) => mediaType.includes(".base.")).map(({ digest }) => digest);
    });
    assert.equal(new Set(kept).size, 1);
    assert.ok(registry.blob(REPOSITORY, kept[0]!));
  });
});

describe("writers of a shared cache", () => {
  it("lose nothing one after the other, and leave few segments", async (t) => {
    const { client, options, newCache, pull, registry } = await prepare(t);
    for (const number of NUMBERS) {
      await pushSharedCache(client, { ...options, cache: newCache(number) });
      assert.ok(tagsOf(registry).length <= 9, tagsOf(registry).join(" "));
    }
    assert.deepEqual(await layersOf(await pull()), NUMBERS);
  });

  it("try again where a blob that others send, too, isn't there for a moment", async (t) => {
    const { client, options, newCache, pull, registry } = await prepare(t);
    let refused = 0;
    registry.quirk = (_request, response, { method, path }) => {
      const refuses = method === "PUT" && path.includes("/manifests/") && refused++ % 4 < 3;
      if (refuses) fail(response, 400, "MANIFEST_BLOB_UNKNOWN", "blob unknown to registry");
      return refuses;
    };
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: newCache(1) }), { added: 1 });
    assert.deepEqual(await layersOf(await pull()), [1]);
    registry.quirk = (_request, response, { method, path }) => {
      const refuses = method === "PUT" && path.includes("/manifests/");
      if (refuses) fail(response, 400, "MANIFEST_INVALID", "never");
      return refuses;
    };
    await fails(pushSharedCache(client, { ...options, cache: newCache(2) }), "REGISTRY_PROTOCOL", /never/);
  });

  it("lose nothing where the registry removes nothing, and read what counts", async (t) => {
    const { client, options, newCache, pull, registry, warnings } = await prepare(t);
    registry.quirk = (_request, response, { method }) => {
      if (method === "DELETE") fail(response, 405, "UNSUPPORTED", "never");
      return method === "DELETE";
    };
    for (const number of NUMBERS) await pushSharedCache(client, { ...options, cache: newCache(number) });
    assert.ok(tagsOf(registry).length > 20);
    registry.requests.length = 0;
    assert.deepEqual(await layersOf(await pull()), NUMBERS);
    assert.match(warnings[0]!, /main can't be tidied up, since its registry removes nothing/);
  });

  it("lose nothing when fifty of them push ten thousand entries at the same time, and a reader gets by with 200 kB", {
    timeout: 300_000,
  }, async (t) => {
    const { client, options, newCache, registry, warnings } = await prepare(t);
    const { reference, onNote } = options;
    const store = registryStore(client, { reference });
    const today = Math.floor(NOW / DAY);
    const keyOfLayer = (number: number) => keyOf(number).slice(0, 16);
    const recordsOf = (number: number): SharedRecord[] => {
      const of = { key: keyOfLayer(number), day: today };
      const { diffId, size } = layerOf(number);
      const sub = blobKeyDigits(blobKeyOf(number)).slice(0, 16);
      const { digest, size: length } = blobOf(number);
      return [
        { ...of, kind: "layer", sub: NO_SUB, digest: diffId, size },
        { ...of, kind: "blob", sub, digest, size: length },
      ];
    };
    await Promise.all(
      Array.from({ length: 50 }, async (_, writer) => {
        const records = Array.from({ length: 100 }, (_, at) => recordsOf(writer * 100 + at)).flat();
        const pause = (milliseconds: number) => wait(milliseconds, undefined);
        const pushed = await pushTo(store, { records, bases: new Map(), today, pause, onNote });
        assert.deepEqual(pushed, { added: 200 });
      }),
    );
    const all = newCache();
    await pullSharedCache(client, { ...options, cache: all });
    await all.askFor(Array.from({ length: 5000 }, (_, number) => keyOf(number)));
    for (let number = 0; number < 5000; number++) {
      assert.deepEqual(all.layer(keyOf(number)), { ...layerOf(number), claimed: true });
      assert.deepEqual(all.claimedBlob(blobKeyOf(number)), blobOf(number));
    }
    let sent = 0;
    registry.quirk = (_request, response) => {
      const socket = response.socket!;
      const before = socket.bytesWritten;
      response.once("close", () => {
        sent += socket.bytesWritten - before;
      });
      return false;
    };
    registry.requests.length = 0;
    const reader = newCache();
    await pullSharedCache(client, { ...options, cache: reader });
    // Spread as badly as can be: none of the layers comes from the same writer's neighbourhood as another.
    const image: LayerKey[] = Array.from({ length: 100 }, (_, at) => keyOf(at * 50 + (at % 50)));
    await reader.askFor(image);
    assert.ok(image.every((key) => reader.layer(key)?.claimed));
    assert.ok(sent < 200_000, `${sent} bytes`);
    assert.ok(registry.requests.length < 130, `${registry.requests.length} requests`);
    t.diagnostic(`${sent} bytes in ${registry.requests.length} requests, ${tagsOf(registry).length} tags`);
    assert.deepEqual(warnings, []);
  });
});

describe("something else than a shared cache", () => {
  it("at the tag is told of when it is pulled, and never written over", async (t) => {
    const { client, options, newCache, registry, warnings } = await prepare(t);
    const config = {
      mediaType: MediaType.ociConfig,
      digest: registry.addBlob(REPOSITORY, Buffer.from("{}")),
      size: 2,
    };
    plantManifest(registry, "main", {
      schemaVersion: 2,
      mediaType: MediaType.ociManifest,
      config,
      layers: [],
    });
    const { bytes } = registry.manifests.get(TAG)!;
    const cache = newCache(1);
    assert.equal(await pullSharedCache(client, { ...options, cache }), false);
    assert.equal(warnings.length, 1);
    assert.match(warnings[0]!, /team\/cache:main is not used: .* is not a cache of varve's/);
    await fails(pushSharedCache(client, { ...options, cache }), "USAGE", /name a tag that nothing else/);
    assert.deepEqual(registry.manifests.get(TAG)!.bytes, bytes);
    assert.deepEqual(tagsOf(registry), ["main"]);
  });

  it("is a reference by digest, or by a tag that is too long, to which nothing can be pushed", async (t) => {
    const { client, newCache, registry, reference } = await prepare(t);
    const push = (text: string) =>
      pushSharedCache(client, { reference: reference(text), cache: newCache(1) });
    await fails(push(`${TAG}@${sha256(Buffer.from("x"))}`), "USAGE", /give a tag/);
    await fails(push(`${REPOSITORY}:${"x".repeat(60)}`), "USAGE", /at most \d+ characters/);
    assert.deepEqual(registry.log, []);
  });
});

describe("a shared cache that is broken or lies", () => {
  const good = (cache: DigestCache) => encodeSegment({ records: cache.sharable().records, replaced: [] });

  const damages: Record<string, (registry: FakeRegistry, bytes: Uint8Array) => void> = {
    "that is garbage": (registry) => plant(registry, Buffer.from("no records")),
    "that is a lot of garbage": (registry) => plant(registry, Buffer.alloc(100_000, "varvec2\n")),
    "whose blob is gone": (registry, bytes) => {
      plant(registry, bytes);
      registry.blobs.delete(`${REPOSITORY}@${sha256(bytes)}`);
    },
    "whose blob has other bytes": (registry, bytes) => {
      plant(registry, bytes);
      const other = Buffer.from(bytes);
      other[other.length - 1]! ^= 1;
      registry.blobs.set(`${REPOSITORY}@${sha256(bytes)}`, other);
    },
  };
  for (const [words, damage] of Object.entries(damages)) {
    it(`is nothing known, with a warning, beside what is sound: a segment ${words}`, async (t) => {
      const { client, options, newCache, pull, registry, warnings } = await prepare(t);
      damage(registry, good(newCache(1)));
      assert.deepEqual(await layersOf(await pull()), []);
      assert.equal(warnings.length, 1);
      assert.match(warnings[0]!, /team\/cache:main has a part that is broken and not used/);
      await pushSharedCache(client, { ...options, cache: newCache(2) });
      assert.deepEqual(await layersOf(await pull()), [2]);
    });
  }

  it("that says its records were used in the future has not the last word for that", async (t) => {
    const { client, options, newCache, pull, registry } = await prepare(t);
    const [record] = newCache(2).sharable().records;
    const [own] = newCache(1).sharable().records;
    const lie = { ...record!, key: own!.key, day: 65_535 };
    plant(registry, encodeSegment({ records: [lie], replaced: [] }));
    assert.deepEqual(await pushSharedCache(client, { ...options, cache: newCache(1) }), { added: 1 });
    assert.deepEqual(await layersOf(await pull()), [1]);
  });

  it("whose table has all records in one place costs nobody more than a warning", async (t) => {
    const { newCache, pull, registry, warnings } = await prepare(t);
    const many = Array.from({ length: 2000 }, (_, number) => number);
    const bytes = Buffer.from(good(newCache(...many)));
    bytes.fill(0, 16, 16 + 256).writeUInt16LE(many.length, 16);
    plant(registry, bytes);
    const cache = await pull();
    await cache.askFor([keyOf(5000)]);
    registry.requests.length = 0;
    assert.deepEqual(await layersOf(cache, many), []);
    assert.deepEqual(registry.log, []);
    assert.match(warnings[0]!, /main has a part that is broken and not used/);
  });

  it("that can't be reached is a warning to who pulls, and a failure to who pushes", async (t) => {
    const { client, options, newCache, registry, warnings } = await prepare(t);
    registry.quirk = (_request, response) => {
      fail(response, 403, "DENIED", "not for you");
      return true;
    };
    const cache = newCache(1);
    assert.equal(await pullSharedCache(client, { ...options, cache }), false);
    assert.match(warnings[0]!, /DENIED: not for you/);
    await fails(pushSharedCache(client, { ...options, cache }), "UNAUTHORIZED", /not for you/);
  });

  it("that can't be reached any more is a warning to who asks", async (t) => {
    const { client, options, newCache, pull, registry, warnings } = await prepare(t);
    const many = Array.from({ length: 1000 }, (_, number) => number);
    await pushSharedCache(client, { ...options, cache: newCache(...many) });
    const cache = await pull();
    registry.quirk = (_request, response) => {
      fail(response, 403, "DENIED", "not any more");
      return true;
    };
    assert.deepEqual(await layersOf(cache), []);
    assert.match(warnings[0]!, /main is not used: .*not any more/);
  });

  it("isn't waited for by who has cancelled", async (t) => {
    const { client, options, newCache } = await prepare(t);
    const signal = AbortSignal.abort();
    const cache = newCache(1);
    await fails(pullSharedCache(client, { ...options, cache, signal }), "ABORTED", /cancelled/);
    await fails(pushSharedCache(client, { ...options, cache, signal }), "ABORTED", /cancelled/);
  });
});

describe("pruning a shared cache", () => {
  const prune = ({ client, options }: Work, more: Partial<Parameters<typeof pruneSharedCache>[1]> = {}) =>
    pruneSharedCache(client, { reference: options.reference, onNote: options.onNote, now: NOW, ...more });

  /** Has layers 1 to 9 used on as many days, the last one today. */
  async function fill({ client, options, newCache }: Work): Promise<void> {
    for (let number = 1; number < 10; number++) {
      const cache = openAt(newCache().folder, NOW - (9 - number) * DAY);
      cache.putLayer(keyOf(number), layerOf(number));
      cache.putBlob(blobKeyOf(number), blobOf(number));
      await pushSharedCache(client, { ...options, cache });
    }
  }

  it("leaves out what is old, and leaves one segment, which is left alone the next time", async (t) => {
    const work = await prepare(t);
    await fill(work);
    const pruned = await prune(work, { maxAge: 4 });
    assert.deepEqual(
      { ...pruned, segments: pruned.segments.after },
      { kept: 10, old: 8, gone: 0, broken: 0, segments: 1, removed: true },
    );
    assert.deepEqual(await layersOf(await work.pull()), [5, 6, 7, 8, 9]);
    const tags = tagsOf(work.registry);
    assert.equal(tags.length, 2);
    const again = await prune(work, { maxAge: 4 });
    assert.deepEqual(again.segments, { before: 1, after: 1 });
    assert.deepEqual(tagsOf(work.registry), tags);
  });

  it("leaves out what is too much, those first that nobody has used for longest, and blobs without their layers", async (t) => {
    const work = await prepare(t);
    await fill(work);
    assert.equal((await prune(work, { maxEntries: 6 })).kept, 6);
    assert.deepEqual(await layersOf(await work.pull()), [7, 8, 9]);
    assert.deepEqual(await prune(work, { maxEntries: 0 }), {
      kept: 0,
      old: 6,
      gone: 0,
      broken: 0,
      segments: { before: 1, after: 0 },
      removed: true,
    });
    assert.deepEqual(await layersOf(await work.pull()), []);
    assert.deepEqual(tagsOf(work.registry), ["main"]);
  });

  it("leaves out what is said of blobs that no repository of images has", async (t) => {
    const work = await prepare(t);
    const { client, options, newCache, registry } = work;
    const cache = newCache(1, 2);
    const there = registry.addBlob("team/two", Buffer.from("a blob"));
    cache.putBlob(blobKeyOf(1), { ...blobOf(1), digest: parseDigest(there, "it") });
    cache.putBlob(blobKeyOf(2), blobOf(2));
    await pushSharedCache(client, { ...options, cache });
    const { kept, gone } = await prune(work, { blobsIn: ["team/one", "team/two"] });
    assert.deepEqual([kept, gone], [3, 1]);
  });

  it("leaves out what is broken", async (t) => {
    const work = await prepare(t);
    await fill(work);
    plant(work.registry, Buffer.from("garbage"));
    const bytes = encodeSegment({ records: work.newCache(11).sharable().records, replaced: [] });
    plant(work.registry, bytes);
    work.registry.blobs.delete(`${REPOSITORY}@${sha256(bytes)}`);
    assert.equal((await prune(work)).broken, 2);
    assert.deepEqual(await layersOf(await work.pull()), [1, 2, 3, 4, 5, 6, 7, 8, 9]);
    assert.deepEqual(work.warnings, []);
  });

  it("keeps what is written while it is at work", async (t) => {
    const work = await prepare(t);
    const { client, options, newCache, registry } = work;
    await fill(work);
    let put = false;
    registry.quirk = async (_request, _response, { method, path }) => {
      if (!put && method === "PUT" && path.includes("/manifests/")) {
        put = true;
        await pushSharedCache(client, { ...options, cache: newCache(12) });
      }
      return false;
    };
    await prune(work, { maxAge: 1 });
    assert.deepEqual(await layersOf(await work.pull()), [8, 9, 12]);
  });

  it("says so where there is none, there is something else, or the registry removes nothing", async (t) => {
    const work = await prepare(t);
    await fails(prune(work), "IMAGE_NOT_FOUND", /there is no cache in .*team\/cache:main/);
    await fill(work);
    work.registry.quirk = (_request, response, { method }) => {
      if (method === "DELETE") fail(response, 405, "UNSUPPORTED", "never");
      return method === "DELETE";
    };
    assert.equal((await prune(work, { maxAge: 1 })).removed, false);
    assert.match(work.warnings.at(-1)!, /removes nothing, so its old parts stay/);
    assert.deepEqual(await layersOf(await work.pull()), [8, 9]);
    plantManifest(work.registry, "main", { schemaVersion: 2, mediaType: MediaType.ociManifest });
    await fails(prune(work), "INVALID_MANIFEST", /./);
  });
});
