/** What is done once for all places that are stores of blobs, seen in one that keeps them in memory. */
import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { VarveError } from "#errors";
import { type Layer, newManifest, type UnmeasuredLayer } from "#image";
import { digestOf, encodeDocument, MediaType } from "#oci";
import {
  type Blob,
  type BlobStore,
  type FinishedImage,
  type KnownBlob,
  type KnownBlobs,
  storeWriter,
} from "#write";
import { plainLayer, seededBytes } from "../../support/drafts.ts";
import { bytesOf } from "../../support/layout.ts";

/** A store that keeps a diary, and the writer for it. */
class Store implements BlobStore {
  readonly diary: string[] = [];
  readonly blobs = new Map<string, Uint8Array>();
  readonly madeFirst?: number;
  mountable = new Set<string>();

  constructor(madeFirst?: number) {
    if (madeFirst !== undefined) this.madeFirst = madeFirst;
  }

  add(bytes: Uint8Array): KnownBlob {
    const digest = digestOf(bytes);
    this.blobs.set(digest, bytes);
    return { digest, size: bytes.length };
  }

  async has({ digest, size }: KnownBlob): Promise<boolean> {
    const found = this.blobs.get(digest)?.length === size;
    this.diary.push(`has ${found}`);
    return found;
  }

  async put(blob: Blob) {
    const bytes = await bytesOf(blob);
    const stored = { digest: digestOf(bytes), size: bytes.length };
    const { descriptor } = blob;
    this.diary.push(descriptor === undefined ? "put" : "put known");
    if (descriptor !== undefined && descriptor.digest !== stored.digest) {
      throw new VarveError("DIGEST_MISMATCH", "it is another blob");
    }
    this.add(bytes);
    return { ...stored, outcome: "written" } as const;
  }

  /** Knows of no other place than the one that a layer comes from. */
  async mount({ digest }: KnownBlob, origin: Layer["origin"]): Promise<boolean> {
    if (origin === undefined) return false;
    this.diary.push(`mount ${this.mountable.has(digest)}`);
    return this.mountable.has(digest);
  }

  writer(known?: KnownBlobs) {
    return storeWriter(this, { known }, { naming: "rename", commit: async () => {} });
  }

  /** What was done since this was asked last. */
  done(): string[] {
    return this.diary.splice(0);
  }
}

/** Knows one blob, as its own word or as others', to be believed or not. */
function knowing(
  blob: KnownBlob,
  word: "get" | "claimed" | "believed",
): KnownBlobs & { readonly told: string[] } {
  const told: string[] = [];
  return {
    told,
    get: () => (word === "get" ? blob : undefined),
    claims: word === "get" ? "none" : word === "claimed" ? "checked" : "believed",
    claimed: async () => (word === "believed" ? { ...blob, believed: true } : blob),
    put: (_layer, _choice, { digest }) => void told.push(`put ${digest}`),
    drop: () => void told.push("drop"),
  };
}

/** An image without layers. */
function finished(): FinishedImage {
  const rootfs = { type: "layers" as const, diff_ids: [] };
  const config = encodeDocument({ architecture: "amd64", os: "linux", rootfs }, MediaType.ociConfig);
  return { config, manifest: newManifest({ config: config.descriptor, layers: [] }), names: [] };
}

const BYTES = seededBytes("a layer", 5000);
const LAYER = plainLayer(BYTES);

/** The layer, counting how often it is opened. */
function counted(layer: Layer): { layer: Layer; opened(): number } {
  let opened = 0;
  const open = (signal?: AbortSignal) => {
    opened++;
    return layer.open(signal);
  };
  return { layer: { ...layer, open }, opened: () => opened };
}

/** What the layer is compressed. */
async function compressed(layer = LAYER): Promise<{ bytes: Uint8Array; blob: KnownBlob }> {
  const store = new Store();
  const { descriptor } = await store.writer().layer(layer);
  return { bytes: store.blobs.get(descriptor.digest)!, blob: descriptor };
}

describe("a writer for a store of blobs", () => {
  it("stores a layer while it is compressed, or makes a small one first where sending costs", async () => {
    for (const [madeFirst, done] of [
      [undefined, ["put"]],
      [4999, ["put"]],
      [5000, ["has false", "put known"]],
    ] as const) {
      const store = new Store(madeFirst);
      const { layer, opened } = counted(LAYER);
      const { descriptor, outcome } = await store.writer().layer(layer);
      assert.deepEqual(store.done(), done);
      assert.equal(outcome, "written");
      assert.deepEqual(gunzipSync(store.blobs.get(descriptor.digest)!), BYTES);
      assert.equal(opened(), 1);
    }
  });

  it("stores a layer once that comes twice, also at the same time", async () => {
    const store = new Store();
    const writer = store.writer();
    const [first, second] = await Promise.all([writer.layer(LAYER), writer.layer(LAYER)]);
    assert.deepEqual([first!.outcome, second!.outcome], ["written", "present"]);
    assert.deepEqual(second!.descriptor, first!.descriptor);
    assert.deepEqual(store.done(), ["put"]);
  });

  it("stores a layer that is kept as it is unless it is there, or can be mounted", async () => {
    const kept: Layer = { ...LAYER, keep: true, origin: { registry: "r", repository: "x" } };
    const store = new Store();
    assert.equal((await store.writer().layer(kept)).outcome, "written");
    assert.equal((await store.writer().layer(kept)).outcome, "present");
    assert.deepEqual(store.done(), ["has false", "mount false", "put known", "has true"]);
    const other = new Store();
    other.mountable.add(LAYER.descriptor.digest);
    assert.equal((await other.writer().layer(kept)).outcome, "mounted");
    assert.equal((await other.writer().layer({ ...LAYER, keep: true })).outcome, "written");
    assert.deepEqual(other.done(), ["has false", "mount true", "has false", "put known"]);
  });

  it("reads no layer whose blob it knows by its own word, where the store has that", async () => {
    const { bytes, blob } = await compressed();
    const store = new Store(0);
    store.add(bytes);
    const known = knowing(blob, "get");
    const { layer, opened } = counted(LAYER);
    assert.equal((await store.writer(known).layer(layer)).outcome, "present");
    assert.deepEqual([opened(), known.told], [0, []]);
  });

  it("forgets what it knew where a layer becomes another blob, and stores that", async () => {
    const { blob } = await compressed();
    const store = new Store(0);
    const known = knowing({ ...blob, digest: digestOf(Buffer.from("other")) }, "get");
    const { descriptor } = await store.writer(known).layer(LAYER);
    assert.equal(descriptor.digest, blob.digest);
    assert.deepEqual(store.done(), ["has false", "put known", "put"]);
    assert.deepEqual(known.told, ["drop", `put ${blob.digest}`]);
  });

  it("sends nothing that others claim the store has, when it has seen that the layer becomes that", async () => {
    const { bytes, blob } = await compressed();
    const store = new Store(0);
    store.add(bytes);
    const known = knowing(blob, "claimed");
    const { layer, opened } = counted(LAYER);
    const { descriptor, outcome } = await store.writer(known).layer(layer);
    assert.deepEqual([descriptor.digest, outcome], [blob.digest, "present"]);
    assert.deepEqual([opened(), store.done(), known.told], [1, ["has true"], [`put ${blob.digest}`]]);
  });

  it("stores what a layer becomes where others claim another blob that the store has", async () => {
    const { blob } = await compressed();
    const store = new Store(0);
    const known = knowing(store.add(Buffer.from("evil")), "claimed");
    const { descriptor, outcome } = await store.writer(known).layer(LAYER);
    assert.deepEqual([descriptor.digest, outcome], [blob.digest, "written"]);
    assert.deepEqual(store.done(), ["has true", "put"]);
    assert.deepEqual(known.told, [`put ${blob.digest}`]);
  });

  it("doesn't ask for what others claim where a layer is made before it is sent, or nothing is sent", async () => {
    const { bytes, blob } = await compressed();
    for (const [madeFirst, done] of [
      [undefined, ["put"]],
      [5000, ["has true"]],
    ] as const) {
      const store = new Store(madeFirst);
      store.add(bytes);
      await store.writer(knowing(blob, "claimed")).layer(LAYER);
      assert.deepEqual(store.done(), done);
    }
  });

  it("compresses nothing that the store has by the word of others who are believed, and doesn't tell that on", async () => {
    const large = plainLayer(seededBytes("a large layer", 100_000));
    const { bytes, blob } = await compressed(large);
    for (const madeFirst of [undefined, 100_000, 200_000]) {
      const store = new Store(madeFirst);
      store.add(bytes);
      const known = knowing(blob, "believed");
      const { layer, opened } = counted(large);
      const { descriptor, outcome } = await store.writer(known).layer(layer);
      assert.deepEqual([descriptor.digest, outcome], [blob.digest, "present"]);
      assert.deepEqual([opened(), store.done(), known.told], [0, ["has true"], []]);
      // A small one is compressed sooner than it is asked for.
      const small = await store.writer(knowing(store.add(Buffer.from("evil")), "believed")).layer(LAYER);
      assert.equal(small.outcome, "written");
    }
    const store = new Store(0);
    const known = knowing(blob, "believed");
    assert.equal((await store.writer(known).layer(large)).outcome, "written");
    assert.deepEqual(store.done(), ["has false", "put"]);
    assert.deepEqual(known.told, [`put ${blob.digest}`]);
  });

  it("learns what a layer is before it asks others for it, and reads it once more only to make it", async () => {
    const { bytes, blob } = await compressed();
    for (const [word, isThere, opened] of [
      ["claimed", true, 2],
      ["claimed", false, 2],
      ["get", true, 1],
    ] as const) {
      const store = new Store(0);
      if (isThere) store.add(bytes);
      const { layer, opened: count } = counted(LAYER);
      const unmeasured: UnmeasuredLayer = {
        components: [],
        estimatedSize: 5000,
        open: layer.open,
        measured: () => layer,
      };
      const known = knowing(blob, word);
      const stored = await store.writer(known).unmeasuredLayer!(unmeasured);
      assert.equal(stored.descriptor.digest, blob.digest);
      assert.equal(count(), opened);
      assert.deepEqual(
        store.done(),
        word === "get" ? ["put"] : isThere ? ["has true"] : ["has false", "put"],
      );
    }
  });

  it("stores a config that comes early once where it has to be sent, and waits for it before it ends", async () => {
    const store = new Store(1);
    const begun = Promise.withResolvers<void>();
    const put = store.put.bind(store);
    store.put = async (blob) => {
      await begun.promise;
      return await put(blob);
    };
    const image = finished();
    {
      await using writer = store.writer();
      writer.config!(image.config);
      setImmediate(begun.resolve);
    }
    assert.deepEqual(store.done(), ["has false", "put known"]);
    const writer = store.writer();
    writer.config!(image.config);
    assert.deepEqual(await writer.prepare(image), image.manifest.descriptor);
    assert.deepEqual(store.done(), ["has true"]);
    const here = new Store();
    const local = here.writer();
    local.config!(image.config);
    assert.deepEqual(here.done(), []);
    await local.prepare(image);
    assert.deepEqual(here.done(), ["has false", "put known"]);
  });

  it("fails to prepare an image whose config couldn't be stored when it came early", async () => {
    const store = new Store(1);
    store.put = async () => {
      throw new VarveError("NETWORK", "the line is dead");
    };
    await using writer = store.writer();
    const image = finished();
    writer.config!(image.config);
    await assert.rejects(writer.prepare(image), { code: "NETWORK" });
  });

  it("lets a layer that nobody knows yet be known by its blob from then on", async () => {
    const { blob } = await compressed();
    const unmeasured: UnmeasuredLayer = {
      components: [],
      estimatedSize: 5000,
      open: LAYER.open,
      measured: () => LAYER,
    };
    const store = new Store();
    const known = knowing(blob, "get");
    const { descriptor } = await store.writer(known).unmeasuredLayer!(unmeasured);
    assert.equal(descriptor.digest, blob.digest);
    assert.deepEqual(known.told, [`put ${blob.digest}`]);
  });
});
