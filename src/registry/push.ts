import {
  type CompressionChoice,
  type EncodedLayer,
  encodeLayer,
  type ImageSink,
  type ImageWriter,
  type Layer,
  type LayerOutcome,
  type OpenOptions,
  type StoredLayer,
} from "../image/index.ts";
import { type Descriptor, digestOf, formatReference, isForeignLayer, type Reference } from "../oci/index.ts";
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
  readonly #client: RegistryClient;
  readonly #reference: Reference;
  readonly #options: OpenOptions;

  constructor({ client, reference }: RegistrySinkOptions, options: OpenOptions) {
    this.#client = client;
    this.#reference = reference;
    this.#options = options;
  }

  async layer(layer: Layer): Promise<StoredLayer> {
    const { signal, compression = DEFAULT_COMPRESSION } = this.#options;
    const { descriptor, origin } = layer;
    // Nobody stores what may only be had from its maker.
    if (isForeignLayer(descriptor.mediaType)) return { descriptor, outcome: "present" };
    const encoded = encodeLayer(layer, compression);
    if (encoded === undefined) {
      const outcome = await this.#store(descriptor, { source: layer, origin });
      return { descriptor, outcome };
    }
    if (descriptor.size <= MADE_FIRST_SIZE) return await this.#makeFirst(encoded);
    const { repository } = this.#reference;
    const uploaded = await this.#client.uploadBlob(
      { open: () => encoded.open(signal) },
      { repository, signal },
    );
    return { descriptor: { mediaType: encoded.mediaType, ...uploaded }, outcome: "written" };
  }

  async finish({ config, manifest, untagged }: Parameters<ImageWriter["finish"]>[0]): Promise<Descriptor> {
    await this.#store(config.descriptor, { source: bytesSource(config.bytes) });
    const { registry, repository } = this.#reference;
    const { bytes, descriptor } = manifest;
    await this.#client.putManifest({
      reference: untagged ? { registry, repository, digest: descriptor.digest } : this.#reference,
      bytes,
      mediaType: descriptor.mediaType,
      signal: this.#options.signal,
    });
    return descriptor;
  }

  /** Blobs that have arrived are of use to the next push, and registries remove those that nobody names. */
  async [Symbol.asyncDispose](): Promise<void> {}

  async #makeFirst({ mediaType, open }: EncodedLayer): Promise<StoredLayer> {
    const parts: Uint8Array[] = [];
    for await (const chunk of open(this.#options.signal)) parts.push(chunk);
    const bytes = Buffer.concat(parts);
    const descriptor = { mediaType, digest: digestOf(bytes), size: bytes.length };
    return { descriptor, outcome: await this.#store(descriptor, { source: bytesSource(bytes) }) };
  }

  /** Makes sure that the repository has a blob whose digest is known. */
  async #store(
    descriptor: Descriptor,
    { source, origin }: { source: ByteSource; origin?: Layer["origin"] },
  ): Promise<LayerOutcome> {
    const { registry, repository } = this.#reference;
    const { signal } = this.#options;
    const { digest } = descriptor;
    if ((await this.#client.headBlob({ repository, digest, signal })) !== undefined) return "present";
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
