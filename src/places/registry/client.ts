import { VarveError } from "#errors";
import {
  type Descriptor,
  type Digest,
  type ImageIndex,
  isRegistryHost,
  isRepository,
  type Manifest,
  type ManifestOrIndex,
  type RawDocument,
} from "#oci";
import { ofType, referrerEntry } from "#referrers";
import { ArrivedBlobs } from "./arrived.ts";
import { monotonic } from "./auth/auth.ts";
import type { Credentials } from "./auth/credential-helper.ts";
import { answersTwoRanges, type BlobPart, downloadBlob, downloadPart } from "./download.ts";
import type { HttpClient } from "./http/http-client.ts";
import { RegistryApi } from "./http/registry-api.ts";
import {
  getManifest,
  headManifest,
  type ManifestHead,
  type ManifestRequest,
  type ManifestUpload,
  putManifest,
  sendManifest,
} from "./manifests.ts";
import { listReferrers, type ReferrersRequest } from "./referrers/list.ts";
import { addToTagList, readTagList } from "./referrers/tag-list.ts";
import { type Removal, type Removed, remove } from "./removal.ts";
import { listTags, type TagsRequest } from "./tags.ts";
import { type BlobUpload, type Uploaded, Uploader, type UploadOptions } from "./upload/upload.ts";
import {
  deleteUpload,
  headBlob,
  type Mount,
  mountBlob,
  type UploadSession,
} from "./upload/upload-session.ts";

/** What a {@link RegistryClient} works with. */
export interface RegistryClientOptions {
  /** The registry as references name it, such as `docker.io` or `localhost:5000`. */
  readonly registry: string;
  /** May be shared by several clients; the client doesn't close it. */
  readonly http: HttpClient;
  /** Finds credentials, as `CredentialStore.get` does; by default there are none. */
  readonly credentials?: (registry: string, repository?: string) => Promise<Credentials | undefined>;
  /** Token servers outside the registry's own domain that may be sent its credentials: a host's name or `HOST:PORT`; on this machine, only the latter. */
  readonly trustedRealms?: readonly string[];
  /** A clock in milliseconds that never goes back, for the life of tokens; Node's monotonic one unless given. */
  readonly now?: () => number;
}

/** A request about one blob. */
export interface BlobQuery {
  readonly repository: string;
  readonly digest: Digest;
  readonly signal?: AbortSignal | undefined;
}

/** Manifests that refer to another one. */
export interface ReferrersUpload {
  readonly repository: string;
  /** The digest of what they refer to. */
  readonly subject: Digest;
  readonly documents: readonly (RawDocument<Manifest> | RawDocument<ImageIndex>)[];
  readonly signal?: AbortSignal | undefined;
}

/**
 * A client of one registry, as the OCI distribution specification describes it. Every answer is checked before it is used.
 *
 * Every method may throw a VarveError: `UNAUTHORIZED`, `NETWORK`, `REGISTRY_PROTOCOL`, `ABORTED`, and what finding credentials throws.
 * More are named where they may occur.
 */
export class RegistryClient {
  readonly registry: string;
  /**
   * What has been sent there, or found.
   * @internal
   */
  readonly arrived: ArrivedBlobs;
  /**
   * What the images have that were read there: where they can be mounted from.
   * @internal
   */
  readonly read: ArrivedBlobs;
  readonly #api: RegistryApi;

  /** @throws VarveError `INVALID_REFERENCE` when `registry` isn't a host name or address, with or without a port. */
  constructor(options: RegistryClientOptions) {
    if (!isRegistryHost(options.registry)) {
      throw new VarveError(
        "INVALID_REFERENCE",
        `${JSON.stringify(options.registry.slice(0, 100))} is not a registry's host`,
      );
    }
    this.registry = options.registry;
    this.arrived = new ArrivedBlobs(options.now ?? monotonic);
    this.read = new ArrivedBlobs(options.now ?? monotonic);
    this.#api = new RegistryApi(options);
  }

  /**
   * Connects to the registry and, if it asks for authentication, authenticates: this is how a login is checked.
   * @throws VarveError `UNAUTHORIZED` when the credentials are refused.
   */
  async ping(signal?: AbortSignal): Promise<void> {
    await this.#api.ping(signal);
  }

  /**
   * A manifest or an index with its bytes, checked against the reference's digest and the registry's, of at most 4 MiB.
   * @throws VarveError `IMAGE_NOT_FOUND`, `DIGEST_MISMATCH`, `TOO_LARGE`, `INVALID_JSON`, `INVALID_MANIFEST`, `INVALID_DIGEST`.
   */
  async getManifest(request: ManifestRequest): Promise<ManifestOrIndex> {
    return getManifest(this.#api, this.#checked(request));
  }

  /** What the registry says of a manifest; undefined when it doesn't have it. */
  async headManifest(request: ManifestRequest): Promise<ManifestHead | undefined> {
    return headManifest(this.#api, this.#checked(request));
  }

  /**
   * Puts a manifest or an index, under its tag or else its digest, and returns its digest.
   * @throws VarveError `DIGEST_MISMATCH` when the reference has another digest, or the registry received other bytes.
   */
  async putManifest(upload: ManifestUpload): Promise<Digest> {
    return putManifest(this.#api, this.#checked(upload));
  }

  /**
   * What refers to a manifest or an index: OCI distribution specification, "Listing Referrers". A registry without an API for that, or whose
   * API has none, is asked for the tag that may have them. That they do refer to it is seen when they are read.
   * @throws VarveError `TOO_LARGE`, `INVALID_JSON`, `INVALID_MANIFEST`, `INVALID_DIGEST`.
   */
  async referrers(request: ReferrersRequest): Promise<readonly Descriptor[]> {
    const { repository, digest, artifactType, signal } = inRepository(request);
    const listed = await listReferrers(this.#api, request);
    // Not every registry that got the API has taken over what was at tags, and some answer though they have none.
    if (listed !== undefined && listed.length > 0) return listed;
    return ofType(await readTagList(this.#api, { repository, subject: digest, signal }), artifactType);
  }

  /**
   * Puts manifests that refer to the same one, each under its digest, and lists those at its tag which the registry doesn't list itself:
   * OCI distribution specification, "Pushing Manifests with Subject". Writers at the same time lose nothing of each other's.
   * @throws VarveError `CONFLICT` where others replace that tag all the time; `INVALID_MANIFEST`, `TOO_LARGE`, `DIGEST_MISMATCH`.
   */
  async putReferrers(request: ReferrersUpload): Promise<void> {
    const { repository, subject, documents, signal } = inRepository(request);
    const { registry } = this;
    const unlisted: Descriptor[] = [];
    for (const document of documents) {
      const { mediaType, digest } = document.descriptor;
      const reference = { registry, repository, digest };
      const sent = await sendManifest(this.#api, { reference, bytes: document.bytes, mediaType, signal });
      if (sent.subject !== subject) unlisted.push(referrerEntry(document));
    }
    if (unlisted.length > 0) await addToTagList(this.#api, { repository, subject, signal }, unlisted);
  }

  /** The size of a blob in bytes; undefined when the repository doesn't have it. */
  async headBlob(query: BlobQuery): Promise<number | undefined> {
    return headBlob(this.#api, inRepository(query));
  }

  /**
   * A blob's bytes, checked as they pass; the last chunk comes only if the whole blob is right. After a broken connection the rest is
   * requested. A descriptor's `urls` are never used.
   * @throws VarveError `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
   */
  getBlob(request: {
    readonly repository: string;
    readonly descriptor: Pick<Descriptor, "digest" | "size">;
    readonly signal?: AbortSignal | undefined;
  }): AsyncIterable<Uint8Array> {
    return downloadBlob(this.#api, inRepository(request));
  }

  /**
   * A part of a blob, from one byte to before another, which nothing checks; or the whole, checked, from a registry that knows no ranges.
   * @throws VarveError `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
   * @internal
   */
  getBlobPart(
    request: Parameters<RegistryClient["getBlob"]>[0] & { readonly from: number; readonly to: number },
  ): Promise<BlobPart> {
    return downloadPart(this.#api, inRepository(request));
  }

  /**
   * The tags of a repository, page by page, as the registry orders them; none of a repository that isn't there.
   * @throws VarveError `TOO_LARGE`, `INVALID_JSON`.
   */
  listTags(request: TagsRequest): AsyncIterable<readonly string[]> {
    return listTags(this.#api, inRepository(request));
  }

  /** Removes a manifest with all its tags, or a blob; tells whether the registry has done so. */
  remove(removal: Removal): Promise<Removed> {
    return remove(this.#api, inRepository(removal));
  }

  /** Whether two ranges of a blob can be had in one request, as engines want them of a layer in zstd:chunked. */
  answersTwoRanges(request: Parameters<RegistryClient["getBlob"]>[0]): Promise<boolean> {
    return answersTwoRanges(this.#api, inRepository(request));
  }

  /** Mounts a blob of another repository of this registry; if the registry won't, it may give an upload to use instead. */
  async mountBlob(query: BlobQuery & { readonly from: string }): Promise<Mount> {
    inRepository({ repository: query.from });
    return mountBlob(this.#api, inRepository(query));
  }

  /**
   * Uploads a blob. With a descriptor, in one request whose bytes are checked as they go; without, in one streamed pass that finds it out.
   * A registry that takes neither is sent parts. After a failure the blob is opened again, unless the registry has it by then.
   * What opening or reading the blob throws is thrown on.
   * @throws VarveError `DIGEST_MISMATCH`, `SIZE_MISMATCH`.
   */
  async uploadBlob(blob: BlobUpload, options: UploadOptions): Promise<Uploaded> {
    return new Uploader(this.#api, blob, inRepository(options)).run();
  }

  /** Cancels an upload that `mountBlob` gave and nobody uses. Never fails. */
  async deleteUpload(upload: {
    readonly repository: string;
    readonly session: UploadSession;
  }): Promise<void> {
    await deleteUpload(this.#api, inRepository(upload));
  }

  #checked<T extends { readonly reference: { readonly registry: string; readonly repository: string } }>(
    request: T,
  ): T {
    const { registry, repository } = request.reference;
    if (registry !== this.registry) {
      throw new VarveError(
        "USAGE",
        `${registry}/${repository} was asked of ${this.registry}, which is another registry`,
      );
    }
    inRepository({ repository });
    return request;
  }
}

/** A repository becomes part of a URL, so only a valid one may pass. */
function inRepository<T extends { readonly repository: string }>(request: T): T {
  if (isRepository(request.repository)) return request;
  throw new VarveError(
    "INVALID_REFERENCE",
    `${JSON.stringify(request.repository.slice(0, 100))} is not a repository`,
  );
}
