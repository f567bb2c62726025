import { type Digest, parseDigest } from "#oci";
import type {
  CachedBlob,
  CachedLayer,
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
import { KEY_DIGITS } from "./segment.ts";
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
  /** What others claim, by kind and the beginning of their keys. */
  readonly #claims = new Map<string, Pick<CacheEntry, "digest" | "size">>();
  readonly #sources = new Map<string, ClaimSource>();
  /** The keys that the sources were asked for. */
  readonly #asked = new Set<string>();
  readonly #asking = new Set<Promise<void>>();
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

  claimedBlob(key: BlobKey): CachedBlob | undefined {
    const claim = this.#claimed("blob", blobKeyDigits(key));
    return claim && { digest: claim.digest, size: claim.size, portable: true };
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
    return this.#claimedNotes(baseKeyDigits(diffIds));
  }

  claimedFacts(parts: readonly unknown[]): Promise<Uint8Array | undefined> {
    return this.#claimedNotes(factsKeyDigits(parts));
  }

  shareFacts(parts: readonly unknown[]): void {
    this.#used.facts(parts);
  }

  async #claimedNotes(name: string): Promise<Uint8Array | undefined> {
    const key = name.slice(0, KEY_DIGITS);
    for (const source of this.#sources.values()) {
      const content = await source.base(key);
      if (content !== undefined) return content;
    }
    return undefined;
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
    this.#sources.set(name, source);
    this.#asked.clear();
  }

  askFor(keys: readonly LayerKey[]): Promise<void> | undefined {
    if (this.#sources.size === 0) return undefined;
    const unknown = keys.filter(
      (key) => !this.#asked.has(key) && this.#known({ kind: "layer", key }) === undefined,
    );
    if (unknown.length > 0) {
      for (const key of unknown) this.#asked.add(key);
      // Who asks for the same meanwhile waits, too.
      const asking = this.#ask(unknown).finally(() => this.#asking.delete(asking));
      this.#asking.add(asking);
    }
    return this.#asking.size === 0 ? undefined : Promise.all(this.#asking).then(() => {});
  }

  async #ask(unknown: readonly LayerKey[]): Promise<void> {
    const wanted = [...new Set(unknown.map((key) => key.slice(0, KEY_DIGITS)))];
    const told = await Promise.all(Array.from(this.#sources.values(), (source) => source.layers(wanted)));
    // The first to be named has the first word.
    for (const { kind, key, sub, digest, size } of told.flatMap((records) => [...records])) {
      if (kind === "base") continue;
      const name = claimName({ kind, key: kind === "layer" ? key : sub });
      if (!this.#claims.has(name)) this.#claims.set(name, { digest, size });
    }
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

  #known(entry: EntryName, touch?: number): CacheEntry | undefined {
    return this.#isGone(entry) ? undefined : this.#store.read(entry, touch);
  }

  #claimed(kind: CacheEntry["kind"], key: string): Pick<CacheEntry, "digest" | "size"> | undefined {
    return this.#isGone({ kind, key }) ? undefined : this.#claims.get(claimName({ kind, key }));
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

type EntryName = Pick<CacheEntry, "kind" | "key">;

function nameOf({ kind, key }: EntryName): string {
  return `${kind} ${key}`;
}

function claimName({ kind, key }: EntryName): string {
  return `${kind} ${key.slice(0, KEY_DIGITS)}`;
}
