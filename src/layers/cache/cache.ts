import { type Digest, parseDigest } from "#oci";
import { type Claim, Claims, type EntryName } from "./claims.ts";
import type {
  CachedBlob,
  CachedLayer,
  ClaimedBlob,
  ClaimSource,
  DigestCache,
  DigestCacheOptions,
} from "./digest-cache.ts";
import type { CacheEntry } from "./entry.ts";
import {
  type BlobKey,
  baseKeyDigits,
  blobKeyDigits,
  factsKeyDigits,
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
  pruneInstalled,
  pruneNowAndThen,
  type Verified,
  verify,
} from "./upkeep.ts";
import { type Sharable, UsedEntries } from "./used.ts";

/** Opens a cache; nothing is read or made before it is needed. */
export function openDigestCache(options: DigestCacheOptions): DigestCache {
  return new FolderCache(options);
}

class FolderCache implements DigestCache {
  readonly folder: string;
  readonly now: () => number;
  readonly #store: EntryStore;
  readonly #dropped = new Set<string>();
  readonly #claims = new Claims();
  readonly #used = new UsedEntries();
  /** The keys of layers that were put since those in the folder are distrusted. */
  #trusted: Set<string> | undefined;
  #written = false;

  constructor({ folder, now }: DigestCacheOptions) {
    this.folder = folder;
    this.#store = new EntryStore(folder);
    this.now = now;
  }

  layer(key: LayerKey): CachedLayer | undefined {
    this.#used.layer(key);
    const own = this.#get("layer", key);
    if (own !== undefined) return { diffId: own.digest, size: own.size, portable: own.portable };
    const claim = this.#claimed("layer", key);
    return claim && { diffId: claim.digest, size: claim.size, portable: true, claimed: true };
  }

  putLayer(key: LayerKey, { diffId, size, portable }: CachedLayer): void {
    this.#used.layer(key);
    this.#put({ kind: "layer", key, digest: diffId, size, portable });
  }

  distrustLayers(): void {
    this.#trusted = new Set();
  }

  dropLayer(key: LayerKey): boolean {
    return this.#drop("layer", key);
  }

  blob(key: BlobKey): CachedBlob | undefined {
    this.#used.blob(key);
    const entry = this.#get("blob", blobKeyDigits(key));
    return entry && { digest: entry.digest, size: entry.size, portable: entry.portable };
  }

  claimedBlob(key: BlobKey): ClaimedBlob | undefined {
    const claim = this.#claimed("blob", blobKeyDigits(key));
    if (claim === undefined) return undefined;
    const { digest, size, believed } = claim;
    return { digest, size, portable: true, ...(believed && { believed }) };
  }

  get claims(): DigestCache["claims"] {
    return this.#claims.state;
  }

  putBlob(key: BlobKey, { digest, size, portable }: CachedBlob): void {
    this.#used.blob(key);
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
    this.#used.base(diffIds);
    return this.#store.readContent({ kind: "base", key: baseKeyDigits(diffIds) }, this.now());
  }

  claimedBase(diffIds: readonly Digest[]): Promise<Uint8Array | undefined> {
    return this.#claims.notes(baseKeyDigits(diffIds));
  }

  claimedFacts(parts: readonly unknown[]): Promise<Uint8Array | undefined> {
    return this.#claims.notes(factsKeyDigits(parts));
  }

  shareFacts(parts: readonly unknown[]): void {
    this.#used.facts(parts);
  }

  putBase(diffIds: readonly Digest[], content: Uint8Array): void {
    this.#used.base(diffIds);
    const key = baseKeyDigits(diffIds);
    this.#write(() => this.#store.writeContent({ kind: "base", key }, { content, time: this.now() }));
  }

  facts(parts: readonly unknown[]): Uint8Array | undefined {
    return this.#store.readContent({ kind: "facts", key: factsKeyDigits(parts) }, this.now());
  }

  putFacts(parts: readonly unknown[], content: Uint8Array): void {
    const key = factsKeyDigits(parts);
    this.#write(() => this.#store.writeContent({ kind: "facts", key }, { content, time: this.now() }));
  }

  prune(limits: PruneLimits = {}): Pruned {
    const given = { ...limits, now: this.now() };
    const pruned = prune(this.#store, given);
    const trees = pruneInstalled(this.folder, given);
    return { ...pruned, ...(trees > 0 && { trees }) };
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

  addClaims(name: string, source: ClaimSource): void {
    this.#claims.add(name, source);
  }

  askFor(keys: readonly LayerKey[]): Promise<void> | undefined {
    const names = keys.map((key): EntryName => ({ kind: "layer", key }));
    return this.#claims.ask(names, (name) => this.#has(name));
  }

  askForBlob(key: BlobKey): Promise<void> | undefined {
    const name: EntryName = { kind: "blob", key: blobKeyDigits(key) };
    // It may have been told with the layer.
    const isKnown = (name: EntryName) => this.#claims.get(name) !== undefined || this.#has(name);
    return this.#claims.ask([name], isKnown);
  }

  sharable(): Sharable {
    return this.#used.sharable({
      entry: (kind, key) => this.#known({ kind, key }),
      notes: (kind, key) => this.#store.readContent({ kind, key }),
      now: this.now(),
    });
  }

  #get(kind: CacheEntry["kind"], key: string): CacheEntry | undefined {
    return this.#known({ kind, key }, this.now());
  }

  #has(name: EntryName): boolean {
    return this.#known(name) !== undefined;
  }

  #known(entry: EntryName, touch?: number): CacheEntry | undefined {
    return this.#isGone(entry) ? undefined : this.#store.read(entry, touch);
  }

  #claimed(kind: CacheEntry["kind"], key: string): Claim | undefined {
    return this.#isGone({ kind, key }) ? undefined : this.#claims.get({ kind, key });
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
      if (pruneNowAndThen(this.#store, now)) pruneInstalled(this.folder, { now });
    } catch {
      // Another time.
    }
  }

  #drop(kind: CacheEntry["kind"], key: string): boolean {
    this.#dropped.add(nameOf({ kind, key }));
    return this.#store.remove({ kind, key });
  }
}

function nameOf({ kind, key }: EntryName): string {
  return `${kind} ${key}`;
}
