import type { Layer } from "#image";
import type { ByteSource } from "#util";
import type { KnownBlob, LayerOutcome } from "./sink.ts";

/** A blob on its way into a store. */
export interface Blob extends ByteSource {
  /** Digest and size, if they are known before the bytes are read. */
  readonly descriptor?: KnownBlob | undefined;
  /** Whether the source itself throws an error if its bytes are wrong. */
  readonly checked?: boolean;
}

/** A blob that is in a store. */
export interface StoredBlob extends KnownBlob {
  readonly outcome: Exclude<LayerOutcome, "mounted">;
}

/**
 * Where blobs go: a registry's repository, or an OCI layout. What is the same for all stores is written once above it; see
 * `storeWriter`.
 */
export interface BlobStore {
  /**
   * Only for stores to which blobs have to be sent: a blob that is made from at most this many bytes is made in memory first.
   * Then its digest is known, and it needn't be sent if the store has it.
   */
  readonly madeFirst?: number;
  /** Whether the store has a blob. */
  has(blob: KnownBlob): Promise<boolean>;
  /**
   * Stores a blob, reading it once; again only after a failure.
   * @throws VarveError `DIGEST_MISMATCH` or `SIZE_MISMATCH` where its bytes are others than its descriptor says; what opening
   *   it throws, and what the store's own place may fail with
   */
  put(blob: Blob, signal?: AbortSignal): Promise<StoredBlob>;
  /** Takes a blob over from the place that its layer comes from; false if that isn't possible. */
  mount?(blob: KnownBlob, origin: NonNullable<Layer["origin"]>): Promise<boolean>;
  /** Takes a blob over from another place that has been seen to have it; false if there is none. */
  mountSeen?(blob: KnownBlob): Promise<boolean>;
}
