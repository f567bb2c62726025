import type { Layer } from "#image";
import type { ByteSource } from "#util";
import type { KnownBlob, LayerOutcome } from "./sink.ts";

/** A blob on its way into a store. */
export interface Blob extends ByteSource {
  /** What its bytes are, where that is known before they are read. */
  readonly descriptor?: KnownBlob | undefined;
  /** Whether the source ends with an error by itself where its bytes are others. */
  readonly checked?: boolean;
}

/** A blob that is in a store. */
export interface StoredBlob extends KnownBlob {
  readonly outcome: Exclude<LayerOutcome, "mounted">;
}

/**
 * Where blobs go: a registry's repository, an OCI layout. What images have in common when they are written there is done
 * above it; see `storeWriter`.
 */
export interface BlobStore {
  /**
   * Where a blob has to be sent somewhere: one that is made of at most so many bytes is made in memory first, since its
   * digest is known then, and it need not be sent if the store has it.
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
  /** Takes a blob over from where its layer comes from; false where that can't be. */
  mount?(blob: KnownBlob, origin: NonNullable<Layer["origin"]>): Promise<boolean>;
}
