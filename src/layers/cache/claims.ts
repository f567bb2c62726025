/** What others claim, as long as a cache is open. */
import type { ClaimedBlob, ClaimSource, DigestCache } from "./digest-cache.ts";
import type { CacheEntry } from "./entry.ts";
import { KEY_DIGITS } from "./segment.ts";

export type EntryName = Pick<CacheEntry, "kind" | "key">;

/** What somebody says of a layer or a blob. */
export interface Claim extends Pick<CacheEntry, "digest" | "size">, Pick<ClaimedBlob, "believed"> {}

/** Asks sources, and remembers what they said. */
export class Claims {
  /** By kind and the beginning of their keys. */
  readonly #claims = new Map<string, Claim>();
  readonly #sources = new Map<string, ClaimSource>();
  /** The keys that the sources were asked for. */
  readonly #asked = new Set<string>();
  readonly #asking = new Set<Promise<void>>();

  /** Whether there is anybody to ask, and whether what one of them says of blobs is believed. */
  get state(): DigestCache["claims"] {
    if (this.#sources.size === 0) return "none";
    return [...this.#sources.values()].some(({ believed }) => believed) ? "believed" : "checked";
  }

  /** @param name a source takes the place of an earlier one of its name */
  add(name: string, source: ClaimSource): void {
    this.#sources.set(name, source);
    this.#asked.clear();
  }

  get({ kind, key }: EntryName): Claim | undefined {
    return this.#claims.get(claimName({ kind, key }));
  }

  /**
   * Asks for what hasn't been asked for.
   * @param isKnown whether it needn't be
   * @returns undefined if there is nobody to ask, or nothing
   */
  ask(names: readonly EntryName[], isKnown: (name: EntryName) => boolean): Promise<void> | undefined {
    if (this.#sources.size === 0) return undefined;
    const unknown = names.filter((name) => !this.#asked.has(name.key) && !isKnown(name));
    if (unknown.length > 0) {
      for (const { key } of unknown) this.#asked.add(key);
      // Who asks for the same meanwhile waits, too.
      const asking = this.#ask(unknown).finally(() => this.#asking.delete(asking));
      this.#asking.add(asking);
    }
    return this.#asking.size === 0 ? undefined : Promise.all(this.#asking).then(() => {});
  }

  /** The notes that one of the sources has about a base. */
  async notes(name: string): Promise<Uint8Array | undefined> {
    const key = name.slice(0, KEY_DIGITS);
    for (const source of this.#sources.values()) {
      const content = await source.base(key);
      if (content !== undefined) return content;
    }
    return undefined;
  }

  async #ask(unknown: readonly EntryName[]): Promise<void> {
    const wanted = [...new Set(unknown.map(({ key }) => key.slice(0, KEY_DIGITS)))];
    const told = await Promise.all(
      Array.from(this.#sources.values(), async (source) => ({
        isBelieved: source.believed === true,
        records: await source.layers(wanted),
      })),
    );
    // The first to be named has the first word.
    for (const { isBelieved, records } of told) {
      for (const { kind, key, sub, digest, size } of records) {
        if (kind === "base") continue;
        const name = claimName({ kind, key: kind === "layer" ? key : sub });
        const believed = kind === "blob" && isBelieved;
        if (!this.#claims.has(name)) this.#claims.set(name, { digest, size, ...(believed && { believed }) });
      }
    }
  }
}

function claimName({ kind, key }: EntryName): string {
  return `${kind} ${key.slice(0, KEY_DIGITS)}`;
}
