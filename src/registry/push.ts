import { VarveError } from "../errors.ts";
import {
  type CompressionChoice,
  type EncodedLayer,
  encodeLayer,
  encodeUnmeasured,
  type FinishedImage,
  type ImageSink,
  type ImageWriter,
  type KnownBlob,
  type Layer,
  type LayerOutcome,
  type OpenOptions,
  type StoredLayer,
  type UnmeasuredLayer,
} from "../image/index.ts";
import {
  type Descriptor,
  Digester,
  formatReference,
  isForeignLayer,
  type Manifest,
  type RawDocument,
  type Reference,
} from "../oci/index.ts";
import { type ByteSource, bytesSource } from "../util/index.ts";
import type { RegistryClient } from "./client.ts";
import type { UploadSession } from "./upload-session.ts";

/** What every client of a registry can read. */
const DEFAULT_COMPRESSION: CompressionChoice = { algorithm: "gzip" };

/** Layers on their way at the same time: enough to keep the line full while others are compressed. */
const PARALLEL_UPLOADS = 4;

/**
 * A layer of at most this many bytes, before compression, is compressed in memory before it is sent: then its digest is
 * known, and the registry can be asked for it. Larger ones are sent while they are made.
 */
const MADE_FIRST_SIZE = 16 * 1024 * 1024;

export interface RegistrySinkOptions {
  readonly client: RegistryClient;
  /** With a digest and no tag, the image can be found by its digest only. */
  readonly reference: Reference;
}

/** Pushes images: OCI distribution specification, "Push". Blobs first, manifests last. */
export function registrySink({ client, reference }: RegistrySinkOptions): ImageSink {
  return {
    name: formatReference(reference, "familiar"),
    parallel: PARALLEL_UPLOADS,
    async open(options) {
      return new RegistryWriter({ client, reference }, options);
    },
    async writeIndex({ bytes, descriptor }, { signal }) {
      const { mediaType } = descriptor;
      await client.putManifest({ reference, bytes, mediaType, signal });
      return descriptor;
    },
  };
}

class RegistryWriter implements ImageWriter {
  readonly naming = "request";
  readonly #client: RegistryClient;
  readonly #reference: Reference;
  readonly #options: OpenOptions;
  /** What the reference names now; the registry has all that is in it. */
  readonly #current: Promise<RawDocument<Manifest> | undefined>;
  /** Layers under way or stored, by the digests that they came with. */
  readonly #stored = new Map<string, Promise<StoredLayer>>();
  #prepared: FinishedImage | undefined;

  constructor({ client, reference }: RegistrySinkOptions, options: OpenOptions) {
    this.#client = client;
    this.#reference = reference;
    this.#options = options;
    this.#current = currentManifest(client, { reference, signal: options.signal });
    this.#current.catch(() => {});
  }

  async layer(layer: Layer): Promise<StoredLayer> {
    const { descriptor } = layer;
    // Nobody stores what may only be had from its maker.
    if (isForeignLayer(descriptor.mediaType)) return { descriptor, outcome: "present" };
    const same = this.#stored.get(descriptor.digest);
    if (same !== undefined) return { ...(await same), outcome: "present" };
    const stored = this.#storeLayer(layer);
    this.#stored.set(descriptor.digest, stored);
    return await stored;
  }

  async unmeasuredLayer(layer: UnmeasuredLayer): Promise<StoredLayer> {
    const { compression = DEFAULT_COMPRESSION, known } = this.#options;
    const stored = await this.#storeMade(encodeUnmeasured(layer, compression), layer.estimatedSize);
    known?.put(layer.measured(), compression, stored.descriptor);
    return stored;
  }

  async prepare(image: FinishedImage): Promise<Descriptor> {
    const { config, manifest } = image;
    await this.#storeBlob(config.descriptor, { source: bytesSource(config.bytes) });
    this.#prepared = image;
    return manifest.descriptor;
  }

  async commit(): Promise<void> {
    const { manifest, untagged } = this.#prepared!;
    const { registry, repository } = this.#reference;
    const { bytes, descriptor } = manifest;
    if (!untagged && (await this.#current)?.descriptor.digest === descriptor.digest) return;
    await this.#client.putManifest({
      reference: untagged ? { registry, repository, digest: descriptor.digest } : this.#reference,
      bytes,
      mediaType: descriptor.mediaType,
      signal: this.#options.signal,
    });
  }

  /** Blobs that have arrived are of use to the next push, and registries remove those that nobody names. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async #storeLayer(layer: Layer): Promise<StoredLayer> {
    const { compression = DEFAULT_COMPRESSION, known } = this.#options;
    const { descriptor, origin } = layer;
    const encoded = encodeLayer(layer, compression);
    if (encoded === undefined) {
      return { descriptor, outcome: await this.#storeBlob(descriptor, { source: layer, origin }) };
    }
    const expected = known?.get(layer, compression);
    if (expected !== undefined) {
      const stored = await this.#storeExpected(encoded, expected);
      if (stored !== undefined) return stored;
      known?.drop(layer, compression);
    }
    // A small one is compressed before it is sent, whatever anybody claims.
    const claimed = descriptor.size > MADE_FIRST_SIZE ? known?.claimed?.(layer, compression) : undefined;
    const stored =
      (claimed && (await this.#findClaimed(encoded, claimed))) ??
      (await this.#storeMade(encoded, descriptor.size));
    known?.put(layer, compression, stored.descriptor);
    return stored;
  }

  /** Stores nothing where the repository has what others claim a layer to become, and it does become that. */
  async #findClaimed(encoded: EncodedLayer, claimed: KnownBlob): Promise<StoredLayer | undefined> {
    const { signal } = this.#options;
    const { repository } = this.#reference;
    const descriptor = { mediaType: encoded.mediaType, ...claimed };
    const isThere =
      names(await this.#current, descriptor) ||
      (await this.#client.headBlob({ repository, digest: claimed.digest, signal })) === claimed.size;
    if (!isThere) return undefined;
    const digester = new Digester();
    for await (const chunk of encoded.open(signal)) digester.update(chunk);
    const isSame = digester.size === claimed.size && digester.digest() === claimed.digest;
    return isSame ? { descriptor, outcome: "present" } : undefined;
  }

  /** Stores a layer that was compressed before; undefined if it comes out otherwise this time. */
  async #storeExpected(encoded: EncodedLayer, expected: KnownBlob): Promise<StoredLayer | undefined> {
    const descriptor = { mediaType: encoded.mediaType, ...expected };
    try {
      return { descriptor, outcome: await this.#storeBlob(descriptor, { source: encoded }) };
    } catch (error) {
      const code = error instanceof VarveError ? error.code : undefined;
      if (code === "DIGEST_MISMATCH" || code === "SIZE_MISMATCH") return undefined;
      throw error;
    }
  }

  /**
   * Stores a layer whose blob's digest isn't known.
   * @param size about how many bytes it has before compression
   */
  async #storeMade(encoded: EncodedLayer, size: number): Promise<StoredLayer> {
    return await (size <= MADE_FIRST_SIZE ? this.#makeFirst(encoded) : this.#sendWhileMade(encoded));
  }

  async #makeFirst({ mediaType, open }: EncodedLayer): Promise<StoredLayer> {
    const parts: Uint8Array[] = [];
    const digester = new Digester();
    for await (const chunk of open(this.#options.signal)) {
      digester.update(chunk);
      parts.push(Uint8Array.from(chunk));
    }
    const descriptor = { mediaType, size: digester.size, digest: digester.digest() };
    return { descriptor, outcome: await this.#storeBlob(descriptor, { source: bytesSource(...parts) }) };
  }

  async #sendWhileMade({ mediaType, open }: EncodedLayer): Promise<StoredLayer> {
    const { signal } = this.#options;
    const { repository } = this.#reference;
    const uploaded = await this.#client.uploadBlob({ open: () => open(signal) }, { repository, signal });
    return { descriptor: { mediaType, ...uploaded }, outcome: "written" };
  }

  /** Makes sure that the repository has a blob whose digest is known. */
  async #storeBlob(
    descriptor: Descriptor,
    { source, origin }: { source: ByteSource; origin?: Layer["origin"] },
  ): Promise<LayerOutcome> {
    const { registry, repository } = this.#reference;
    const { signal } = this.#options;
    const { digest } = descriptor;
    if (names(await this.#current, descriptor)) return "present";
    // What the cache says of the size may be wrong though the digest is right.
    if ((await this.#client.headBlob({ repository, digest, signal })) === descriptor.size) return "present";
    let session: UploadSession | undefined;
    if (origin?.registry === registry && origin.repository !== repository) {
      const mount = await this.#client.mountBlob({ repository, digest, from: origin.repository, signal });
      if (mount.mounted) return "mounted";
      session = mount.session;
    }
    await this.#client.uploadBlob(
      { descriptor, open: () => source.open(signal) },
      { repository, signal, ...(session === undefined ? {} : { session }) },
    );
    return "written";
  }
}

/** The manifest that a reference has now, so that its blobs needn't be asked for one by one. */
async function currentManifest(
  client: RegistryClient,
  { reference, signal }: { reference: Reference; signal: AbortSignal | undefined },
): Promise<RawDocument<Manifest> | undefined> {
  try {
    const found = await client.getManifest({ reference, signal });
    return found.kind === "manifest" ? found.document : undefined;
  } catch (error) {
    // Whatever is there that can't be read, or only not by us, is about to be replaced; but nothing works without a network.
    const code = error instanceof VarveError ? error.code : undefined;
    if (code === undefined || code === "NETWORK" || code === "ABORTED") throw error;
    return undefined;
  }
}

function names(manifest: RawDocument<Manifest> | undefined, { digest, size }: Descriptor): boolean {
  if (manifest === undefined) return false;
  const { config, layers } = manifest.value;
  return [config, ...layers].some((blob) => blob.digest === digest && blob.size === size);
}
