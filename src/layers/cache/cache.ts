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
  /** Whether the key rests on NAR hashes alone, so that it means the same on any machine. */
  readonly portable: boolean;
  /** True where only an imported entry says so: then the layer's bytes have to be seen before anybody relies on it. */
  readonly claimed?: true;
}

/** What a layer was when it was compressed. */
export interface CachedBlob {
  readonly digest: Digest;
  /** In bytes. */
  readonly size: number;
  /** Whether it is of use to other machines: whether the layer is. */
  readonly portable: boolean;
}

/** What came of entries from elsewhere. */
export interface Imported {
  readonly added: number;
  /** Entries whose key was known already; what was known stays. */
  readonly known: number;
  /** Entries that aren't portable, or of something that nobody would check. */
  readonly skipped: number;
}

/**
 * Digests that are known already. Nothing that may be wrong with it ever fails a build: what can't be read is not known,
 * and what can't be written is measured again. What it says is to be checked wherever the bytes pass by.
 *
 * What was put is this user's own word, and kept in the folder. What was imported is what others claim: it is kept in
 * memory only, comes marked as claimed, and is exported to nobody. Whoever has seen that a claim is true puts it.
 *
 * It is synchronous, because an entry is a small file: a hundred are looked up in a few milliseconds.
 */
export interface DigestCache {
  readonly folder: string;
  /** Its clock: milliseconds since 1970. */
  readonly now: () => number;
  layer(key: LayerKey): CachedLayer | undefined;
  putLayer(key: LayerKey, layer: CachedLayer): void;
  /** Takes none of the layers in the folder for true any more, but those that are put from now on. */
  distrustLayers(): void;
  /** Forgets what proved wrong. Tells whether it is gone from the folder, too; this cache won't give it again either way. */
  dropLayer(key: LayerKey): boolean;
  blob(key: BlobKey): CachedBlob | undefined;
  /** What an imported entry says of a blob that isn't known otherwise. */
  claimedBlob(key: BlobKey): CachedBlob | undefined;
  putBlob(key: BlobKey, blob: CachedBlob): void;
  /** As {@link dropLayer}. */
  dropBlob(key: BlobKey): boolean;
  /** How many bytes a tree takes in a layer's archive. */
  treeSize(key: TreeKey): number | undefined;
  putTreeSize(key: TreeKey, size: number): void;
  /** What was noted of a base image with these layers, by their diff IDs from the bottom up. */
  base(diffIds: readonly Digest[]): Uint8Array | undefined;
  /** Notes something of a base image; it stays on this machine. More than 16 MiB aren't kept. */
  putBase(diffIds: readonly Digest[], content: Uint8Array): void;
  /**
   * Removes old entries, and files that killed processes left. It is also done by itself, at most once a day.
   * @throws VarveError `UNREADABLE`
   */
  prune(limits?: PruneLimits): Pruned;
  /** @throws VarveError `UNREADABLE` */
  info(): CacheInfo;
  /** Reads all entries and removes the broken ones. @throws VarveError `UNREADABLE` */
  verify(): Verified;
  /** All portable entries in the folder, by kind and key. @throws VarveError `UNREADABLE` */
  exportEntries(): Iterable<CacheEntry>;
  /** Takes over what others claim, for as long as this cache is open. */
  importEntries(entries: Iterable<CacheEntry>): Imported;
}

export interface DigestCacheOptions {
  /** It needn't be there yet; what else is in it is left alone. */
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
    // Not for others: theirs would be believed unseen, and could share out the layers in another way.
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
      // Nobody sees whether what is said of trees and bases is true.
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

  /** Writes an entry if it can; tells whether it did. */
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

  /** Prunes before the first entry is written, if that wasn't done lately. */
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
