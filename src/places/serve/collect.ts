/** What images have, put together without keeping their bytes. */
import { setImmediate } from "node:timers/promises";
import { type Descriptor, type ImageIndex, identify, type RawDocument } from "#oci";
import {
  type Blob,
  type BlobStore,
  type ImageSink,
  type KnownBlob,
  type StoredBlob,
  storeWriter,
} from "#write";
import type { ServedBlob, ServedManifest } from "./pull-side.ts";
import { SharedBlob, type SharedBlobOptions } from "./shared-blob.ts";

/** The documents and blobs of an image that is served, or of an index and its images. */
export interface Collected {
  /** By their digests. */
  readonly manifests: Map<string, ServedManifest>;
  /** By their digests. A layer is made when it is read. */
  readonly blobs: Map<string, ServedBlob>;
}

/** Nothing yet. */
export function emptyCollection(): Collected {
  return { manifests: new Map(), blobs: new Map() };
}

/**
 * Takes images into a collection. A layer whose digest is known isn't read; any other is read, compressed and hashed once, and what
 * comes out is let go of: it is made again when it is asked for. So the image's layers must stay open as long as the collection is
 * used.
 * @param name in messages
 */
export function collectingSink(name: string, into: Collected, options: SharedBlobOptions): ImageSink {
  return {
    name,
    parallel: 1,
    async open(opening) {
      return storeWriter(new LazyStore(into, options), opening, {
        naming: "request",
        async commit({ manifest }) {
          addManifest(into, manifest);
        },
      });
    },
    async writeIndex(index) {
      addManifest(into, index);
      return index.descriptor;
    },
  };
}

/** Adds a manifest or an index to a collection. @returns how it is pointed at */
export function addManifest(
  { manifests }: Collected,
  { bytes, descriptor }: Pick<RawDocument<ImageIndex>, "bytes" | "descriptor">,
): Descriptor {
  const { digest, mediaType } = descriptor;
  manifests.set(digest, { digest, mediaType, bytes });
  return descriptor;
}

/** Keeps how a blob is made, and not its bytes. */
class LazyStore implements BlobStore {
  readonly #into: Collected;
  readonly #options: SharedBlobOptions;

  constructor(into: Collected, options: SharedBlobOptions) {
    this.#into = into;
    this.#options = options;
  }

  async has({ digest }: KnownBlob): Promise<boolean> {
    return this.#into.blobs.has(digest);
  }

  async put({ descriptor, open }: Blob, signal: AbortSignal | undefined): Promise<StoredBlob> {
    const known = descriptor ?? (await identify(withBreaks(open(signal))));
    const { digest, size } = known;
    this.#into.blobs.set(digest, new SharedBlob({ digest, size }, { open }, this.#options));
    return { digest, size, outcome: "written" };
  }
}

/** Passes chunks on, and lets other work run between them: to hash what is packed nothing has to be waited for. */
async function* withBreaks(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) {
    yield chunk;
    await setImmediate();
  }
}
