/** Images that are made when they are asked for. */
import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { gunzipSync } from "node:zlib";
import type { CompressionChoice } from "#compress";
import { draftOf, type ImageDraft } from "#image";
import { digestOf } from "#oci";
import { collectingSink, emptyCollection, type MadeImage, pullSideOf, ServedImage, servePulls } from "#serve";
import { type CountedLayer, madeImage } from "#testing";
import { writeImage } from "#write";
import { plainLayer, seededBytes } from "../../support/drafts.ts";
import { temporaryFolder } from "../../support/tmp.ts";

/** A served image of these drafts, one after the other, and a server for it. */
async function setUp(
  t: TestContext,
  drafts: readonly (() => Promise<ImageDraft>)[],
  compression: CompressionChoice = { algorithm: "none" },
) {
  const temporary = await temporaryFolder(t);
  const failures: boolean[] = [];
  const closed: number[] = [];
  let made = 0;
  const image = new ServedImage({
    repository: "app",
    async make(): Promise<MadeImage> {
      const number = made++;
      const collected = emptyCollection();
      const draft = await drafts[Math.min(number, drafts.length - 1)]!();
      const sink = collectingSink("app", collected, { temporary });
      const [written] = await writeImage(draft, [sink], { compression });
      return {
        collected,
        digest: written!.descriptor.digest,
        tags: ["1", "latest"],
        async [Symbol.asyncDispose]() {
          closed.push(number);
        },
      };
    },
    onFailure: (_error, { isStale }) => failures.push(isStale),
  });
  const server = await servePulls(pullSideOf([image]), { listen: { host: "127.0.0.1", port: 0 } });
  t.after(async () => {
    await server[Symbol.asyncDispose]();
    await image[Symbol.asyncDispose]();
  });
  const url = `http://${server.host.replace("localhost", "127.0.0.1")}/v2/app`;
  const get = async (path: string, headers: Record<string, string> = {}) => {
    const response = await fetch(`${url}/${path}`, { headers });
    return Buffer.from(await response.arrayBuffer());
  };
  return {
    ...{ image, url, get, temporary, failures, closed },
    made: () => made,
    manifest: async () => JSON.parse((await get("manifests/latest")).toString()),
  };
}

const constant = (draft: ImageDraft) => async () => draft;

/** A layer of some megabytes, which counts how often it is made; it waits for what `gate` returns before its last part. */
function countedLayer(seed: string, size: number, gate: () => Promise<void> = async () => {}) {
  const bytes = seededBytes(seed, size);
  let opened = 0;
  return {
    ...plainLayer(bytes),
    opened: () => opened,
    async *open() {
      opened++;
      const step = 300_000;
      for (let at = 0; at < size; at += step) {
        if (at + step >= size) await gate();
        yield bytes.subarray(at, at + step);
      }
    },
  } satisfies CountedLayer;
}

describe("a served image", () => {
  it("isn't made before somebody asks for it, and once then", async (t) => {
    const image = await madeImage([{ entries: { a: "a" } }]);
    const { made, get, manifest } = await setUp(t, [constant(draftOf(image))]);
    assert.equal(made(), 0);
    const [one] = await Promise.all([manifest(), manifest()]);
    assert.equal(made(), 1);
    assert.equal(image.layers[0]!.opened(), 0, "a layer whose digest is known isn't read for the manifest");
    const [layer] = one.layers;
    assert.equal(digestOf(await get(`blobs/${layer.digest}`)), layer.digest);
    assert.equal(image.layers[0]!.opened(), 1);
    assert.equal(digestOf(await get(`blobs/${one.config.digest}`)), one.config.digest);
    assert.equal(made(), 1);
  });

  it("has its layers compressed when they are fetched, with the digests that its manifest says", async (t) => {
    const image = await madeImage([{ entries: { a: "a".repeat(5000) } }]);
    const plain = { ...image, layers: image.layers.map((layer) => ({ ...layer, keep: false })) };
    const { get, manifest } = await setUp(t, [constant(draftOf(plain))], { algorithm: "gzip" });
    const [layer] = (await manifest()).layers;
    const bytes = await get(`blobs/${layer.digest}`);
    assert.equal(digestOf(bytes), layer.digest);
    assert.equal(digestOf(gunzipSync(bytes)), image.layers[0]!.diffId);
  });

  it("makes a layer once for a hundred that fetch it at once, each at its own pace", async (t) => {
    const gate = Promise.withResolvers<void>();
    const layer = countedLayer("a", 3_000_000, () => gate.promise);
    const draft = await draftWithLayers([layer]);
    const { url, temporary } = await setUp(t, [constant(draft)]);
    const path = `${url}/blobs/${layer.descriptor.digest}`;
    let begun = 0;
    const answers = Array.from({ length: 100 }, async (_, at) => {
      const from = at * 10_000;
      const response = await fetch(path, { headers: { range: `bytes=${from}-` } });
      assert.equal(response.status, 206);
      // All of them have begun before the layer is whole.
      if (++begun === 100) gate.resolve();
      return digestOf(Buffer.from(await response.arrayBuffer()));
    });
    const whole = seededBytes("a", 3_000_000);
    for (const [at, digest] of (await Promise.all(answers)).entries())
      assert.equal(digest, digestOf(whole.subarray(at * 10_000)));
    assert.equal(layer.opened(), 1);
    assert.deepEqual(readdirSync(temporary), []);
  });

  it("stops making a layer that nobody reads any more", async (t) => {
    const stopped = Promise.withResolvers<void>();
    const bytes = seededBytes("a", 1000);
    const endless = {
      ...plainLayer(bytes),
      descriptor: { ...plainLayer(bytes).descriptor, size: 1e12 },
      async *open() {
        try {
          for (;;) yield bytes;
        } finally {
          stopped.resolve();
        }
      },
    };
    const { url } = await setUp(t, [constant(await draftWithLayers([endless]))]);
    const control = new AbortController();
    const response = await fetch(`${url}/blobs/${endless.descriptor.digest}`, { signal: control.signal });
    await response.body!.getReader().read();
    control.abort();
    await stopped.promise;
  });

  it("is made anew after a layer of it has turned out to be another", async (t) => {
    const right = countedLayer("b", 1000);
    const wrong = { ...countedLayer("a", 1000), open: right.open };
    const drafts = [await draftWithLayers([wrong]), await draftWithLayers([right])];
    const { get, manifest, made, failures } = await setUp(t, drafts.map(constant));
    const [layer] = (await manifest()).layers;
    await assert.rejects(get(`blobs/${layer.digest}`), "it isn't taken for whole");
    assert.deepEqual(failures, [true]);
    const [other] = (await manifest()).layers;
    assert.equal(made(), 2);
    assert.equal(digestOf(await get(`blobs/${other.digest}`)), right.descriptor.digest);
  });

  it("stays as it was if it can't be made anew, and is there for those who have begun to pull it", async (t) => {
    const drafts = [
      await draftWithLayers([countedLayer("a", 10)]),
      await draftWithLayers([countedLayer("b", 10)]),
    ];
    const failing = async () => {
      throw new Error("a mistake");
    };
    const { image, get, manifest, failures, closed } = await setUp(t, [
      ...[constant(drafts[0]!), failing, constant(drafts[1]!), constant(drafts[1]!)],
    ]);
    const first = await manifest();
    await image.renew();
    assert.deepEqual(failures, [false]);
    assert.deepEqual(await manifest(), first);
    await image.renew();
    const second = await manifest();
    assert.notDeepEqual(second, first);
    const { digest } = first.layers[0];
    assert.equal(digestOf(await get(`blobs/${digest}`)), digest);
    assert.deepEqual(closed, []);
    await image.renew();
    assert.deepEqual(closed, [0]);
  });

  it("tells who asks that it can't be made, and tries again", async (t) => {
    const draft = await draftWithLayers([countedLayer("a", 10)]);
    const failing = async () => {
      throw new Error("a mistake");
    };
    const { url, made } = await setUp(t, [failing, constant(draft)]);
    assert.equal((await fetch(`${url}/manifests/latest`)).status, 500);
    assert.equal((await fetch(`${url}/manifests/latest`)).status, 200);
    assert.equal(made(), 2);
  });
});

async function draftWithLayers(layers: readonly CountedLayerLike[]): Promise<ImageDraft> {
  const { config } = await madeImage([]);
  return {
    async *layers() {
      yield* layers;
    },
    finish: () => ({ config, names: [] }),
  };
}

type CountedLayerLike = ReturnType<typeof plainLayer>;
