/** What a cache of digests can be asked. */
import type { Digest } from "#oci";
import type { CacheEntry } from "./entry.ts";
import type { BlobKey, LayerKey, TreeKey } from "./key.ts";
import type { SharedRecord } from "./segment.ts";
import type { CacheInfo, Pruned, PruneLimits, Verified } from "./upkeep.ts";
import type { Sharable } from "./used.ts";

/** What a layer's archive was when it was measured. */
export interface CachedLayer {
  readonly diffId: Digest;
  /** In bytes. */
  readonly size: number;
  /** Whether the key is made of NAR hashes alone, so that it means the same on any machine. */
  readonly portable: boolean;
  /** True if only a claim says so: then the layer's bytes must be checked before anything relies on it. */
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

/** What others claim about a blob. */
export interface ClaimedBlob extends CachedBlob {
  /** True if the user has said that they are to be believed. */
  readonly believed?: true;
}

/** Somebody who knows what others claim, and tells when asked. Neither method fails: what can't be told is unknown. */
export interface ClaimSource {
  /** Whether the user believes what it says of the blobs of layers. */
  readonly believed?: boolean;
  /**
   * Claims about layers, and about their blobs.
   * @param keys the first 16 digits of the layers' keys, or of the keys of blobs
   */
  layers(keys: readonly string[]): Promise<Iterable<SharedRecord>>;
  /** The notes about a base or its layers, by the first 16 digits of their key; undefined where they aren't known, or aren't to be believed. */
  base(key: string): Promise<Uint8Array | undefined>;
}

/**
 * Remembers digests. A fault of the cache never fails a build: what can't be read counts as unknown, and what can't be
 * written is measured again the next time. Whoever uses an entry must check it when the bytes pass by.
 *
 * Entries that were put are this user's own, and are stored in the folder. What sources claim is kept in memory
 * only, is marked as claimed, and is never told on. Once a claim has been checked and is true,
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
   * What somebody claims about a blob for which there is no entry of this user's own.
   * @internal
   */
  claimedBlob(key: BlobKey): ClaimedBlob | undefined;
  /**
   * Asks others for the blob of a layer that isn't named by a hash of what goes into it, so that it is known then.
   * @returns undefined if there is nobody to ask, or nothing
   * @internal
   */
  askForBlob(key: BlobKey): Promise<void> | undefined;
  /**
   * Whether there is anybody who can be asked for claims, and whether what any of them says of blobs is believed.
   * @internal
   */
  readonly claims: "none" | "checked" | "believed";
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
   * The notes that a source of claims has about a base image whose notes aren't in the folder. They aren't kept.
   * @internal
   */
  claimedBase(diffIds: readonly Digest[]): Promise<Uint8Array | undefined>;
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
   * As {@link claimedBase}, what was learned.
   * @internal
   */
  claimedFacts(parts: readonly unknown[]): Promise<Uint8Array | undefined>;
  /**
   * Has others told what was learned, which is of use to them: that of a base's layers.
   * @internal
   */
  shareFacts(parts: readonly unknown[]): void;
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
   * All portable entries in the folder, by kind and key, whether this cache has used them or not.
   * @internal
   * @throws VarveError `UNREADABLE`
   */
  exportEntries(): Iterable<CacheEntry>;
  /**
   * Has others asked, for as long as this cache is open, for what isn't in the folder; a source takes the place of an earlier one of its name.
   * @internal
   */
  addClaims(name: string, source: ClaimSource): void;
  /**
   * Asks them for layers that are about to be looked up, so that they are known then.
   * @returns undefined if there is nobody to ask, or nothing
   * @internal
   */
  askFor(keys: readonly LayerKey[]): Promise<void> | undefined;
  /**
   * What was looked up or put since this cache was opened, is in the folder, and is of use to others.
   * @internal
   */
  sharable(): Sharable;
}

/** Where a digest cache is, and what time it is there. */
export interface DigestCacheOptions {
  /** The folder needn't exist yet; other files in it are left alone. */
  readonly folder: string;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}
