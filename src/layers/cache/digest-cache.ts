/** What a cache of digests can be asked. */
import type { Digest } from "#oci";
import type { CacheEntry } from "./entry.ts";
import type { BlobKey, LayerKey, TreeKey } from "./key.ts";
import type { CacheInfo, Pruned, PruneLimits, Verified } from "./upkeep.ts";

/** What a layer's archive was when it was measured. */
export interface CachedLayer {
  readonly diffId: Digest;
  /** In bytes. */
  readonly size: number;
  /** Whether the key is made of NAR hashes alone, so that it means the same on any machine. */
  readonly portable: boolean;
  /** True if only an imported entry says so: then the layer's bytes must be checked before anything relies on it. */
  readonly claimed?: true;
}

/** What a layer was when it was compressed. */
export interface CachedBlob {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Whether the entry is of use to other machines, which it is if the layer's own entry is. */
  readonly portable: boolean;
}

/** The result of importing entries. */
export interface Imported {
  readonly added: number;
  /** Entries whose key was known already; the known entry stays. */
  readonly known: number;
  /** Entries that were refused: they aren't portable, or are of a kind that nothing would check. */
  readonly skipped: number;
}

/**
 * Remembers digests. A fault of the cache never fails a build: what can't be read counts as unknown, and what can't be
 * written is measured again the next time. Whoever uses an entry must check it when the bytes pass by.
 *
 * Entries that were put are this user's own, and are stored in the folder. Entries that were imported are what others claim:
 * they are kept in memory only, are marked as claimed, and are never exported. Once a claim has been checked and is true,
 * it can be put.
 *
 * It is synchronous, because an entry is a small file: a hundred are looked up in a few milliseconds.
 */
export interface DigestCache {
  readonly folder: string;
  /** Its clock: milliseconds since 1970. */
  readonly now: () => number;
  /** @internal */
  layer(key: LayerKey): CachedLayer | undefined;
  /** @internal */
  putLayer(key: LayerKey, layer: CachedLayer): void;
  /**
   * From now on ignores the layers that are in the folder, except those that are put later.
   * @internal
   */
  distrustLayers(): void;
  /**
   * Forgets an entry that proved wrong. Returns whether it is gone from the folder, too; this cache won't return it again in any case.
   * @internal
   */
  dropLayer(key: LayerKey): boolean;
  /** @internal */
  blob(key: BlobKey): CachedBlob | undefined;
  /**
   * What an imported entry says about a blob for which there is no entry of this user's own.
   * @internal
   */
  claimedBlob(key: BlobKey): CachedBlob | undefined;
  /** @internal */
  putBlob(key: BlobKey, blob: CachedBlob): void;
  /**
   * As {@link dropLayer}.
   * @internal
   */
  dropBlob(key: BlobKey): boolean;
  /**
   * How many bytes a tree takes in a layer's archive.
   * @internal
   */
  treeSize(key: TreeKey): number | undefined;
  /** @internal */
  putTreeSize(key: TreeKey, size: number): void;
  /**
   * The notes about a base image with these layers, given by their diff IDs from the bottom up.
   * @internal
   */
  base(diffIds: readonly Digest[]): Uint8Array | undefined;
  /**
   * Keeps notes about a base image. They stay on this machine, and aren't kept if they have more than 16 MiB.
   * @internal
   */
  putBase(diffIds: readonly Digest[], content: Uint8Array): void;
  /**
   * What was learned of a layer or an image when it was looked at.
   * @param parts - all that it depends on, such as the layer's diff ID
   * @internal
   */
  facts(parts: readonly unknown[]): Uint8Array | undefined;
  /**
   * Keeps what was learned. It stays on this machine, and isn't kept if it has more than 16 MiB.
   * @internal
   */
  putFacts(parts: readonly unknown[], content: Uint8Array): void;
  /**
   * Removes old entries, and files that killed processes left. This also happens automatically, at most once a day.
   * @throws VarveError `UNREADABLE`
   */
  prune(limits?: PruneLimits): Pruned;
  /** @throws VarveError `UNREADABLE` */
  info(): CacheInfo;
  /** Reads all entries and removes the broken ones. @throws VarveError `UNREADABLE` */
  verify(): Verified;
  /**
   * All portable entries in the folder, by kind and key.
   * @internal
   * @throws VarveError `UNREADABLE`
   */
  exportEntries(): Iterable<CacheEntry>;
  /**
   * Adds entries that others claim, for as long as this cache is open.
   * @internal
   */
  importEntries(entries: Iterable<CacheEntry>): Imported;
}

/** Where a digest cache is, and what time it is there. */
export interface DigestCacheOptions {
  /** The folder needn't exist yet; other files in it are left alone. */
  readonly folder: string;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}
