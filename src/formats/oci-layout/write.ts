/** Writes OCI image layouts into folders: OCI image specification, image-layout.md. */
import {
  type CompressionChoice,
  type EncodedLayer,
  encodeLayer,
  encodeUnmeasured,
  type FinishedImage,
  type ImageSink,
  type ImageWriter,
  type Layer,
  type OpenOptions,
  type StoredLayer,
  type UnmeasuredLayer,
} from "../../image/index.ts";
import { type Descriptor, encodeDocument, isForeignLayer, MediaType } from "../../oci/index.ts";
import { emptyIndex, entriesFor, platformOf, withEntries } from "./index-entries.ts";
import { readIndex } from "./read.ts";
import { LayoutStore, type StoredBlob } from "./store.ts";

/** What every reader can read. */
export const DEFAULT_COMPRESSION: CompressionChoice = { algorithm: "gzip" };

/** Layers at the same time: enough to keep all cores at work while some wait for the disk. */
const PARALLEL_LAYERS = 3;

export interface OciLayoutSinkOptions {
  /** A layout, or a folder that is empty or not there yet. */
  readonly path: string;
  /** The image's name in the index; by default the tags of the names it comes with. */
  readonly tag?: string | undefined;
}

/**
 * Writes into a layout folder. Several processes may do so at the same time: none of their entries is lost, a name's
 * last writer wins. When one is killed, what is in the layout is whole; its unfinished files go with the next
 * writing.
 */
export function ociLayoutSink({ path, tag }: OciLayoutSinkOptions): ImageSink {
  return {
    name: `oci:${path}${tag === undefined ? "" : `:${tag}`}`,
    parallel: PARALLEL_LAYERS,
    async open(options) {
      return new LayoutWriter(await LayoutStore.open(path), { ...options, tag });
    },
    async writeIndex({ bytes, value, descriptor }, { signal }) {
      await using store = await LayoutStore.open(path);
      await store.putBytes(bytes, descriptor);
      await addEntries(store, { entries: entriesFor(descriptor, { tag, names: [] }), signal });
      const { annotations } = value;
      return { ...descriptor, ...(annotations === undefined ? {} : { annotations }) };
    },
  };
}

class LayoutWriter implements ImageWriter {
  readonly naming = "rename";
  readonly #store: LayoutStore;
  readonly #options: OpenOptions & { tag: string | undefined };
  /** Blobs by the digests of the layers they are made of, also while they are being written. */
  readonly #blobs = new Map<string, Promise<StoredBlob>>();
  /** What the index is to have of the image. */
  #entries: readonly Descriptor[] = [];

  constructor(store: LayoutStore, options: OpenOptions & { tag: string | undefined }) {
    this.#store = store;
    this.#options = options;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#store[Symbol.asyncDispose]();
  }

  async layer(layer: Layer): Promise<StoredLayer> {
    const { descriptor } = layer;
    // What may only be had from its maker needn't be there.
    if (isForeignLayer(descriptor.mediaType)) return { descriptor, outcome: "present" };
    const { compression = DEFAULT_COMPRESSION, signal } = this.#options;
    const encoded = encodeLayer(layer, compression);
    const describe = ({ digest, size }: StoredBlob): Descriptor =>
      encoded === undefined ? descriptor : { mediaType: encoded.mediaType, digest, size };

    const same = this.#blobs.get(descriptor.digest);
    if (same !== undefined) return { descriptor: describe(await same), outcome: "present" };
    const stored =
      encoded === undefined
        ? this.#store.put(layer.open(signal), descriptor)
        : this.#compressed(layer, encoded);
    this.#blobs.set(descriptor.digest, stored);
    const blob = await stored;
    return { descriptor: describe(blob), outcome: blob.outcome };
  }

  /** Stores a layer compressed, or finds out that what it was compressed to before is there. */
  async #compressed(layer: Layer, encoded: EncodedLayer): Promise<StoredBlob> {
    const { compression = DEFAULT_COMPRESSION, known, signal } = this.#options;
    const expected = known?.get(layer, compression);
    if (expected !== undefined && (await this.#store.has(expected)))
      return { ...expected, outcome: "present" };
    const stored = await this.#store.put(encoded.open(signal));
    known?.put(layer, compression, stored);
    return stored;
  }

  async unmeasuredLayer(layer: UnmeasuredLayer): Promise<StoredLayer> {
    const { compression = DEFAULT_COMPRESSION, known, signal } = this.#options;
    const { mediaType, open } = encodeUnmeasured(layer, compression);
    const { digest, size, outcome } = await this.#store.put(open(signal));
    known?.put(layer.measured(), compression, { digest, size });
    return { descriptor: { mediaType, digest, size }, outcome };
  }

  async prepare({ config, manifest, names, untagged }: FinishedImage): Promise<Descriptor> {
    const { tag } = this.#options;
    await this.#store.putBytes(config.bytes, config.descriptor);
    await this.#store.putBytes(manifest.bytes, manifest.descriptor);
    const platform = platformOf(config.value);
    if (!untagged) this.#entries = entriesFor(manifest.descriptor, { tag, names, platform });
    return manifest.descriptor;
  }

  async commit(): Promise<void> {
    if (this.#entries.length === 0) return;
    await addEntries(this.#store, { entries: this.#entries, signal: this.#options.signal });
  }
}

async function addEntries(
  store: LayoutStore,
  { entries, signal }: { entries: readonly Descriptor[]; signal: AbortSignal | undefined },
): Promise<void> {
  await store.updateIndex(async (layout, isThere) => {
    const index = isThere ? (await readIndex(layout)).value : emptyIndex();
    return encodeDocument(withEntries(index, entries), MediaType.ociIndex).bytes;
  }, signal);
}
