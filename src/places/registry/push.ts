import { isChunked } from "#compress";
import { VarveError } from "#errors";
import type { Layer } from "#image";
import { formatReference, type Manifest, type RawDocument, type Reference } from "#oci";
import {
  type Blob,
  type BlobStore,
  type ImageSink,
  type KnownBlob,
  type StoredBlob,
  storeWriter,
} from "#write";
import type { RegistryClient } from "./client.ts";
import type { UploadSession } from "./upload/upload-session.ts";

/** How many layers are sent at the same time: enough to keep the connection busy while others are compressed. */
const PARALLEL_UPLOADS = 4;

/**
 * A layer of at most this many bytes, before compression, is compressed in memory before it is sent: then its digest is
 * known, and the registry can be asked for it. Larger ones are sent while they are made.
 */
const MADE_FIRST_SIZE = 16 * 1024 * 1024;

/**
 * A blob of at most this many bytes that isn't in the image before this one is sent without a question: that it is new is
 * all but sure, and sending it costs no more than a question does.
 */
const UNASKED_SIZE = 16 * 1024;

/** Where in a registry an image goes. */
export interface RegistrySinkOptions {
  readonly client: RegistryClient;
  /** With a digest and no tag, the image can be found by its digest only. */
  readonly reference: Reference;
}

/** Pushes images: OCI distribution specification, "Push". Blobs first, manifests last. */
export function registrySink({ client, reference }: RegistrySinkOptions): ImageSink {
  let begun: Promise<RawDocument<Manifest> | undefined> | undefined;
  const ask = (signal: AbortSignal | undefined) => {
    const current = currentManifest(client, { reference, signal });
    current.catch(() => {});
    return current;
  };
  return {
    name: formatReference(reference, "familiar"),
    parallel: PARALLEL_UPLOADS,
    begin(signal) {
      begun = ask(signal);
    },
    async open(options) {
      const { signal, onWarning } = options;
      const current = begun ?? ask(signal);
      // It may be opened again when much has happened.
      begun = undefined;
      return storeWriter(new RepositoryStore(client, { reference, current, signal }), options, {
        naming: "request",
        async commit({ manifest: { bytes, descriptor, value }, untagged }) {
          const { mediaType, digest } = descriptor;
          if (!untagged && (await current)?.descriptor.digest === digest) return;
          const { registry, repository } = reference;
          const place = untagged ? { registry, repository, digest } : reference;
          await client.putManifest({ reference: place, bytes, mediaType, signal });
          const chunked = value.layers.find(isChunked);
          if (chunked === undefined || onWarning === undefined) return;
          if (await refusesTwoRanges(client, { repository, descriptor: chunked, signal }))
            onWarning(whole(registry));
        },
      });
    },
    async writeIndex({ bytes, descriptor }, { signal }) {
      const { mediaType } = descriptor;
      await client.putManifest({ reference, bytes, mediaType, signal });
      return descriptor;
    },
  };
}

const whole = (registry: string) =>
  `${registry} doesn't answer requests for two ranges of a layer, so podman fetches layers in zstd:chunked whole from it`;

/** Whether it is sure that the registry does: what is about to be told is no reason for a push to fail. */
async function refusesTwoRanges(
  client: RegistryClient,
  request: Parameters<RegistryClient["answersTwoRanges"]>[0],
): Promise<boolean> {
  try {
    return !(await client.answersTwoRanges(request));
  } catch (error) {
    if (error instanceof VarveError && error.code === "ABORTED") throw error;
    return false;
  }
}

interface RepositoryOptions {
  readonly reference: Reference;
  /** What the reference names now; the registry has all that is in it. */
  readonly current: Promise<RawDocument<Manifest> | undefined>;
  readonly signal: AbortSignal | undefined;
}

/** A repository's blobs. After a failed push the next one can use those that have arrived; otherwise registries remove them. */
class RepositoryStore implements BlobStore {
  readonly madeFirst = MADE_FIRST_SIZE;
  readonly #client: RegistryClient;
  readonly #options: RepositoryOptions;
  /** Uploads that refused mounts have begun, by the digests of the blobs. */
  readonly #begun = new Map<string, UploadSession>();
  /** The digests of blobs that couldn't be mounted. */
  readonly #refused = new Set<string>();

  constructor(client: RegistryClient, options: RepositoryOptions) {
    this.#client = client;
    this.#options = options;
  }

  async has(blob: KnownBlob): Promise<boolean> {
    const { reference, current, signal } = this.#options;
    const { repository } = reference;
    const { arrived } = this.#client;
    if (arrived.isIn(repository, blob)) return true;
    const before = await current;
    if (before !== undefined) {
      if (names(before, blob)) return true;
      if (blob.size <= UNASKED_SIZE) return false;
    }
    // To mount it is as good as a question.
    if (arrived.elsewhere(repository, blob) !== undefined) return false;
    // The size in the cache may be wrong although the digest is right.
    if ((await this.#client.headBlob({ repository, digest: blob.digest, signal })) !== blob.size)
      return false;
    arrived.note(repository, blob);
    return true;
  }

  async mount(blob: KnownBlob, origin: NonNullable<Layer["origin"]>): Promise<boolean> {
    const { registry } = this.#options.reference;
    return origin.registry === registry && (await this.#mountFrom(origin.repository, blob));
  }

  async mountSeen(blob: KnownBlob): Promise<boolean> {
    // It may have begun an upload, which is to be used.
    if (this.#refused.has(blob.digest)) return false;
    const { arrived, read } = this.#client;
    const { repository } = this.#options.reference;
    const from = arrived.elsewhere(repository, blob) ?? read.elsewhere(repository, blob);
    return from !== undefined && (await this.#mountFrom(from, blob));
  }

  async #mountFrom(from: string, blob: KnownBlob): Promise<boolean> {
    const { reference, signal } = this.#options;
    const { repository } = reference;
    const { digest } = blob;
    if (from === repository) return false;
    const mount = await this.#client.mountBlob({ repository, digest, from, signal });
    if (!mount.mounted) this.#refused.add(digest);
    if (!mount.mounted && mount.session !== undefined) this.#begun.set(digest, mount.session);
    if (mount.mounted) this.#client.arrived.note(repository, blob);
    return mount.mounted;
  }

  async put({ descriptor, open }: Blob, signal: AbortSignal | undefined): Promise<StoredBlob> {
    const { repository } = this.#options.reference;
    const session = descriptor && this.#begun.get(descriptor.digest);
    if (descriptor !== undefined) this.#begun.delete(descriptor.digest);
    const uploaded = await this.#client.uploadBlob(
      { descriptor, open: () => open(signal) },
      { repository, signal, session },
    );
    this.#client.arrived.note(repository, uploaded);
    return { ...uploaded, outcome: "written" };
  }
}

/** The blobs of a repository, each asked for before it is sent. */
export function repositoryStore(client: RegistryClient, reference: Reference): BlobStore {
  return new RepositoryStore(client, { reference, current: Promise.resolve(undefined), signal: undefined });
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
    // If what is there can't be read, it is about to be replaced anyway; but without a network nothing works.
    const code = error instanceof VarveError ? error.code : undefined;
    if (code === undefined || code === "NETWORK" || code === "ABORTED") throw error;
    return undefined;
  }
}

function names(manifest: RawDocument<Manifest>, { digest, size }: KnownBlob): boolean {
  const { config, layers } = manifest.value;
  return [config, ...layers].some((blob) => blob.digest === digest && blob.size === size);
}
