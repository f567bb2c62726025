/** Writes images to places that store blobs, and names for them. */

import type { CompressionChoice } from "#compress";
import { VarveError } from "#errors";
import type { Layer, UnmeasuredLayer } from "#image";
import { type Descriptor, Digester, hashed, identify, isForeignLayer } from "#oci";
import { bytesSource } from "#util";
import type { Blob, BlobStore } from "./blob-store.ts";
import { DEFAULT_COMPRESSION, type EncodedLayer, encodeLayer, encodeUnmeasured } from "./encode.ts";
import type {
  FinishedImage,
  ImageWriter,
  KnownBlob,
  LayerOutcome,
  OpenOptions,
  StoredLayer,
} from "./sink.ts";

/** In bytes: a smaller layer is compressed sooner than it is hashed and asked for. */
const BELIEVED_SIZE = 64 * 1024;

/** What differs between places: how an image gets its name there. */
export interface ImageNaming {
  readonly naming: ImageWriter["naming"];
  /** Stores what else belongs there before it is named; the layers and the config are there. */
  prepare?(image: FinishedImage): Promise<unknown>;
  commit(image: FinishedImage): Promise<void>;
  dispose?(): Promise<void>;
}

/**
 * A writer for a store of blobs. A layer that occurs several times is stored once. Blobs that the store has aren't sent, and
 * blobs that can be mounted are mounted. If the cache knows a layer's compressed blob, it needn't be compressed; if only
 * a claim does, it needn't be sent. Everything else is stored while it is made, and read once: but for what others may know, of which the
 * digest is made first.
 */
export function storeWriter(store: BlobStore, options: OpenOptions, naming: ImageNaming): ImageWriter {
  return new StoreWriter(store, options, naming);
}

class StoreWriter implements ImageWriter {
  readonly naming: ImageWriter["naming"];
  readonly #store: BlobStore;
  readonly #options: OpenOptions;
  readonly #compression: CompressionChoice;
  readonly #place: ImageNaming;
  /** Layers under way or stored, by the digests that they came with. */
  readonly #stored = new Map<string, Promise<StoredLayer>>();
  #config: Promise<void> | undefined;
  #image: FinishedImage | undefined;

  constructor(store: BlobStore, options: OpenOptions, place: ImageNaming) {
    this.naming = place.naming;
    this.#store = store;
    this.#options = options;
    this.#compression = options.compression ?? DEFAULT_COMPRESSION;
    this.#place = place;
  }

  async layer(layer: Layer): Promise<StoredLayer> {
    const { descriptor } = layer;
    // Layers that only their maker may distribute aren't stored.
    if (isForeignLayer(descriptor.mediaType)) return { descriptor, outcome: "present" };
    const same = this.#stored.get(descriptor.digest);
    if (same !== undefined) return { ...(await same), outcome: "present" };
    const stored = this.#storeLayer(layer);
    this.#stored.set(descriptor.digest, stored);
    return await stored;
  }

  async unmeasuredLayer(layer: UnmeasuredLayer): Promise<StoredLayer> {
    if (this.#isWorthAsking(layer.estimatedSize)) {
      for await (const _ of layer.open(this.#options.signal));
      return await this.layer(layer.measured());
    }
    const encoded = encodeUnmeasured(layer, this.#compression);
    const isLarge = layer.estimatedSize > (this.#store.madeFirst ?? Number.POSITIVE_INFINITY);
    const stored =
      layer.expected && isLarge
        ? await this.#storeLikely(encoded)
        : await this.#storeMade(encoded, layer.estimatedSize);
    this.#options.known?.put(layer.measured(), this.#compression, stored.descriptor);
    return stored;
  }

  config(config: FinishedImage["config"]): void {
    // Where nothing is sent, nothing is gained; and a layout would keep it when a layer fails.
    if (this.#store.madeFirst !== undefined) this.#begin(config);
  }

  #begin(config: FinishedImage["config"]): Promise<void> {
    this.#config = storeBytes(this.#store, config, this.#options.signal);
    this.#config.catch(() => {});
    return this.#config;
  }

  async prepare(image: FinishedImage): Promise<Descriptor> {
    this.#image = image;
    await (this.#config ?? this.#begin(image.config));
    await this.#place.prepare?.(image);
    return image.manifest.descriptor;
  }

  async commit(): Promise<void> {
    await this.#place.commit(this.#image!);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.allSettled([this.#config]);
    await this.#place.dispose?.();
  }

  async #storeLayer(layer: Layer): Promise<StoredLayer> {
    const { known } = this.#options;
    const { descriptor, origin } = layer;
    const encoded = encodeLayer(layer, this.#compression);
    if (encoded === undefined) {
      const blob: Blob = { descriptor, open: (signal) => layer.open(signal), checked: true };
      return { descriptor, outcome: await this.#storeKnown(blob, descriptor, origin) };
    }
    const expected = known?.get(layer, this.#compression);
    if (expected !== undefined) {
      const stored = await this.#storeExpected(encoded, expected);
      if (stored !== undefined) return stored;
      known?.drop(layer, this.#compression);
    }
    const claimed = this.#isWorthAsking(descriptor.size)
      ? await known?.claimed?.(layer, this.#compression)
      : undefined;
    const outcome = claimed && (await this.#there(claimed));
    if (claimed !== undefined && outcome !== undefined) {
      const there: StoredLayer = { descriptor: encoded.describe(claimed), outcome };
      // What is only believed isn't told on.
      if (claimed.believed) return there;
      if (await this.#isMade(encoded, claimed)) return this.#keep(layer, there);
    }
    return this.#keep(layer, await this.#storeMade(encoded, descriptor.size));
  }

  /** How the store has a blob that isn't sent; undefined if it hasn't. */
  async #there(blob: KnownBlob): Promise<LayerOutcome | undefined> {
    if (await this.#store.has(blob)) return "present";
    return (await this.#store.mountSeen?.(blob)) ? "mounted" : undefined;
  }

  #keep(layer: Layer, stored: StoredLayer): StoredLayer {
    this.#options.known?.put(layer, this.#compression, stored.descriptor);
    return stored;
  }

  /** Whether others may know a layer of this size, so that it needn't be sent, or made. A small one is made and then asked for. */
  #isWorthAsking(size: number): boolean {
    const claims = this.#options.known?.claims ?? "none";
    if (claims === "none" || this.#compression.algorithm === "none") return false;
    if (claims === "believed" && size > BELIEVED_SIZE) return true;
    return size > (this.#store.madeFirst ?? Number.POSITIVE_INFINITY);
  }

  /** Makes sure that the store has a blob whose digest is known. */
  async #storeKnown(blob: Blob, descriptor: KnownBlob, origin?: Layer["origin"]): Promise<LayerOutcome> {
    if (await this.#store.has(descriptor)) return "present";
    if (origin !== undefined && (await this.#store.mount?.(descriptor, origin))) return "mounted";
    if (await this.#store.mountSeen?.(descriptor)) return "mounted";
    return (await this.#store.put(blob, this.#options.signal)).outcome;
  }

  /** Stores a layer that was compressed before; undefined if the result is different this time. */
  async #storeExpected(
    { describe, open }: EncodedLayer,
    expected: KnownBlob,
  ): Promise<StoredLayer | undefined> {
    const descriptor = describe(expected);
    try {
      return { descriptor, outcome: await this.#storeKnown({ descriptor, open }, descriptor) };
    } catch (error) {
      const code = error instanceof VarveError ? error.code : undefined;
      if (code === "DIGEST_MISMATCH" || code === "SIZE_MISMATCH") return undefined;
      throw error;
    }
  }

  /** Whether compressing a layer gives the blob that others say it does. */
  async #isMade({ open }: EncodedLayer, claimed: KnownBlob): Promise<boolean> {
    const made = await identify(open(this.#options.signal));
    return made.size === claimed.size && made.digest === claimed.digest;
  }

  /**
   * Stores a layer whose blob's digest isn't known.
   * @param size about how many bytes it has before compression
   */
  async #storeMade(encoded: EncodedLayer, size: number): Promise<StoredLayer> {
    const { describe, open } = encoded;
    if (size <= (this.#store.madeFirst ?? -1)) return await this.#makeFirst(encoded);
    const { outcome, ...blob } = await this.#store.put({ open }, this.#options.signal);
    return { descriptor: describe(blob), outcome };
  }

  /** Makes a blob that the store probably has, to see whether it does; once more if it hasn't. */
  async #storeLikely({ describe, open }: EncodedLayer): Promise<StoredLayer> {
    const descriptor = describe(await identify(open(this.#options.signal)));
    return { descriptor, outcome: await this.#storeKnown({ descriptor, open }, descriptor) };
  }

  async #makeFirst({ describe, open }: EncodedLayer): Promise<StoredLayer> {
    const parts: Uint8Array[] = [];
    const digester = new Digester();
    for await (const chunk of hashed(open(this.#options.signal), digester))
      parts.push(Uint8Array.from(chunk));
    const descriptor = describe({ size: digester.size, digest: digester.digest() });
    const blob: Blob = { descriptor, ...bytesSource(...parts), checked: true };
    return { descriptor, outcome: await this.#storeKnown(blob, descriptor) };
  }
}

/** Makes sure that a store has a document. */
export async function storeBytes(
  store: BlobStore,
  { bytes, descriptor }: { readonly bytes: Uint8Array; readonly descriptor: KnownBlob },
  signal: AbortSignal | undefined,
): Promise<void> {
  if (await store.has(descriptor)) return;
  await store.put({ descriptor, ...bytesSource(bytes), checked: true }, signal);
}
