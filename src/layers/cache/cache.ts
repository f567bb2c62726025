import { type Digest, parseDigest } from "#oci";
import type { CacheEntry } from "./entry.ts";
import {
  type BlobKey,
  baseKeyDigits,
  blobKeyDigits,
  type LayerKey,
  type TreeKey,
  treeKeyDigits,
} from "./key.ts";
import { EntryStore } from "./store.ts";
import {
  type CacheInfo,
  describe,
  type Pruned,
  type PruneLimits,
  prune,
  pruneNowAndThen,
  type Verified,
  verify,
} from "./upkeep.ts";

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

export interface DigestCacheOptions {
  /** The folder needn't exist yet; other files in it are left alone. */
  readonly folder: string;
  /** The time in milliseconds since 1970. */
  readonly now: () => number;
}

/** Opens a cache; nothing is read or made before it is needed. */
export function openDigestCache(options: DigestCacheOptions): DigestCache {
  return new FolderCache(options);
}

class FolderCache implements DigestCache {
  readonly folder: string;
  readonly now: () => number;
  readonly #store: EntryStore;
  readonly #dropped = new Set<string>();
  /** Imported entries by kind and key. */
  readonly #claims = new Map<string, CacheEntry>();
  /** The keys of layers that were put since those in the folder are distrusted. */
  #trusted: Set<string> | undefined;
  #written = false;

  constructor({ folder, now }: DigestCacheOptions) {
    this.folder = folder;
    this.#store = new EntryStore(folder);
    this.now = now;
  }

  layer(key: LayerKey): CachedLayer | undefined {
    const own = this.#get("layer", key);
    const entry = own ?? this.#claimed("layer", key);
    if (entry === undefined) return undefined;
    const { digest, size, portable } = entry;
    return { diffId: digest, size, portable, ...(own === undefined && { claimed: true }) };
  }

  putLayer(key: LayerKey, { diffId, size, portable }: CachedLayer): void {
    this.#put({ kind: "layer", key, digest: diffId, size, portable });
  }

  distrustLayers(): void {
    this.#trusted = new Set();
  }

  dropLayer(key: LayerKey): boolean {
    return this.#drop("layer", key);
  }

  blob(key: BlobKey): CachedBlob | undefined {
    return blobOf(this.#get("blob", blobKeyDigits(key)));
  }

  claimedBlob(key: BlobKey): CachedBlob | undefined {
    return blobOf(this.#claimed("blob", blobKeyDigits(key)));
  }

  putBlob(key: BlobKey, { digest, size, portable }: CachedBlob): void {
    this.#put({ kind: "blob", key: blobKeyDigits(key), digest, size, portable });
  }

  dropBlob(key: BlobKey): boolean {
    return this.#drop("blob", blobKeyDigits(key));
  }

  treeSize(key: TreeKey): number | undefined {
    return this.#get("tree", treeKeyDigits(key))?.size;
  }

  putTreeSize(tree: TreeKey, size: number): void {
    const key = treeKeyDigits(tree);
    const digest = parseDigest(`sha256:${key}`, "a tree's key");
    // Not portable: other machines would use the size unchecked, and a wrong one could change how they plan layers.
    this.#put({ kind: "tree", key, digest, size, portable: false });
  }

  base(diffIds: readonly Digest[]): Uint8Array | undefined {
    return this.#store.readContent({ kind: "base", key: baseKeyDigits(diffIds) }, this.now());
  }

  putBase(diffIds: readonly Digest[], content: Uint8Array): void {
    const key = baseKeyDigits(diffIds);
    this.#write(() => this.#store.writeContent(key, { content, time: this.now() }));
  }

  prune(limits: PruneLimits = {}): Pruned {
    return prune(this.#store, { ...limits, now: this.now() });
  }

  info(): CacheInfo {
    return describe(this.#store, this.folder);
  }

  verify(): Verified {
    return verify(this.#store);
  }

  *exportEntries(): Generator<CacheEntry, void, void> {
    for (const file of this.#store.files()) {
      const entry = this.#known(file);
      if (entry?.portable) yield entry;
    }
  }

  importEntries(entries: Iterable<CacheEntry>): Imported {
    let [added, known, skipped] = [0, 0, 0];
    for (const entry of entries) {
      const name = nameOf(entry);
      // Nothing checks entries about trees and bases.
      const checkable = entry.kind === "layer" || entry.kind === "blob";
      if (!entry.portable || !checkable) skipped++;
      else if (this.#claims.has(name) || this.#known(entry) !== undefined) known++;
      else {
        this.#claims.set(name, entry);
        added++;
      }
    }
    return { added, known, skipped };
  }

  #get(kind: CacheEntry["kind"], key: string): CacheEntry | undefined {
    return this.#known({ kind, key }, this.now());
  }

  #known(entry: EntryName, touch?: number): CacheEntry | undefined {
    return this.#isGone(entry) ? undefined : this.#store.read(entry, touch);
  }

  #claimed(kind: CacheEntry["kind"], key: string): CacheEntry | undefined {
    return this.#isGone({ kind, key }) ? undefined : this.#claims.get(nameOf({ kind, key }));
  }

  #isGone(entry: EntryName): boolean {
    const distrusted = entry.kind === "layer" && this.#trusted?.has(entry.key) === false;
    return distrusted || this.#dropped.has(nameOf(entry));
  }

  /** Writes an entry if it can; returns whether it did. */
  #put(entry: CacheEntry): boolean {
    if (!this.#write(() => this.#store.write(entry, this.now()))) return false;
    this.#dropped.delete(nameOf(entry));
    if (entry.kind === "layer") this.#trusted?.add(entry.key);
    return true;
  }

  #write(write: () => void): boolean {
    this.#pruneFirst(this.now());
    try {
      write();
      return true;
    } catch {
      // The disk is full, the folder is read-only, …: it is measured again next time.
      return false;
    }
  }

  /** Prunes before the first entry is written, if that hasn't been done recently. */
  #pruneFirst(now: number): void {
    if (this.#written) return;
    this.#written = true;
    try {
      pruneNowAndThen(this.#store, now);
    } catch {
      // Another time.
    }
  }

  #drop(kind: CacheEntry["kind"], key: string): boolean {
    this.#dropped.add(nameOf({ kind, key }));
    return this.#store.remove({ kind, key });
  }
}

type EntryName = Pick<CacheEntry, "kind" | "key">;

function nameOf({ kind, key }: EntryName): string {
  return `${kind} ${key}`;
}

function blobOf(entry: CacheEntry | undefined): CachedBlob | undefined {
  return entry && { digest: entry.digest, size: entry.size, portable: entry.portable };
}
