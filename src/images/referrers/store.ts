import type { Layer } from "#image";
import type { Descriptor, Digest, ImageIndex, Manifest, ManifestOrIndex, Platform, RawDocument } from "#oci";
import type { BlobStore } from "#write";

/** A manifest or an index that has a subject, with its bytes. */
export type ReferrerDocument = RawDocument<Manifest> | RawDocument<ImageIndex>;

/** What is asked about what hangs on a manifest. */
export interface ReferrersQuery {
  /** Only those of this type. */
  readonly artifactType?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * A place where artifacts hang on images, to be read: a registry's repository, an OCI layout or an archive of one.
 * All that it gives is bounded, and checked against the digest by which it was asked for.
 */
export interface ReferrerSource extends AsyncDisposable {
  /** The place, as people call it. */
  readonly name: string;
  /** The repository that it is, from which others of its registry can mount blobs. */
  readonly origin?: NonNullable<Layer["origin"]>;
  /**
   * What the place's name means: an index or a manifest; with a platform the manifest for it.
   * @throws VarveError `IMAGE_NOT_FOUND`; and what reading the place throws
   */
  subject(platform: Platform | undefined, signal: AbortSignal | undefined): Promise<Descriptor>;
  /**
   * What says that it refers to a manifest, in the order in which the place lists it. Whether it does is seen when it is read.
   * @throws VarveError `INVALID_MANIFEST`, `TOO_LARGE`; and what reading the place throws
   */
  referrers(subject: Digest, query: ReferrersQuery): Promise<readonly Descriptor[]>;
  /** A manifest or an index by its digest. */
  document(descriptor: Descriptor, signal: AbortSignal | undefined): Promise<ManifestOrIndex>;
  /** What a tag names; undefined where there is none. */
  tagged(tag: string, signal: AbortSignal | undefined): Promise<ManifestOrIndex | undefined>;
  /** A blob's bytes, checked as they pass. */
  blob(descriptor: Descriptor, signal: AbortSignal | undefined): AsyncIterable<Uint8Array>;
}

/** A {@link ReferrerSource} that can be written to. */
export interface ReferrerStore extends ReferrerSource {
  /** Its blobs. */
  readonly blobs: BlobStore;
  /** Puts a manifest or an index whose blobs are there; under its digest alone unless there is a tag. */
  put(document: ReferrerDocument, options: PutOptions): Promise<void>;
  /**
   * Puts manifests that have the same subject, and sees to it that they are listed as its referrers, each once.
   * @throws VarveError `CONFLICT` where others write all the time
   */
  putReferrers(
    subject: Digest,
    documents: readonly ReferrerDocument[],
    signal: AbortSignal | undefined,
  ): Promise<void>;
}

export interface PutOptions {
  readonly tag?: string | undefined;
  readonly signal: AbortSignal | undefined;
}
