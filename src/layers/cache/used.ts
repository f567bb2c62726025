/** What of a cache was used since it was opened, so that it can be told to others. */
import type { Digest } from "#oci";
import type { CacheEntry } from "./entry.ts";
import { type BlobKey, baseKeyDigits, blobKeyDigits, factsKeyDigits, type LayerKey } from "./key.ts";
import { KEY_DIGITS, MAX_SIZE, mergeRecords, NO_SUB, type SharedRecord } from "./segment.ts";

const DAY = 24 * 60 * 60 * 1000;

/** In bytes: of layers that only their own bytes name, smaller blobs are made sooner than they are asked for. */
export const WORTH_ASKING = 64 * 1024;

/** Something that a cache has of its own, and others may be told. */
export interface Sharable {
  readonly records: readonly SharedRecord[];
  /** Notes about bases, and facts about their layers, by the first digits of their keys. */
  readonly bases: ReadonlyMap<string, Uint8Array>;
}

/** How what was used is looked up again. */
export interface OwnEntries {
  entry(kind: "layer" | "blob", key: string): CacheEntry | undefined;
  notes(kind: "base" | "facts", key: string): Uint8Array | undefined;
  readonly now: number;
}

/** Remembers what was asked for, or put. */
export class UsedEntries {
  readonly #layers = new Set<LayerKey>();
  /** By their own keys. */
  readonly #blobs = new Map<string, Digest>();
  /** Notes about bases by their keys, and of which kind they are. */
  readonly #notes = new Map<string, "base" | "facts">();

  layer(key: LayerKey): void {
    this.#layers.add(key);
  }

  blob(key: BlobKey): void {
    this.#blobs.set(blobKeyDigits(key), key.diffId);
  }

  base(diffIds: readonly Digest[]): void {
    this.#notes.set(baseKeyDigits(diffIds), "base");
  }

  facts(parts: readonly unknown[]): void {
    this.#notes.set(factsKeyDigits(parts), "facts");
  }

  /** What of it is this user's own, and means the same on any machine. */
  sharable(own: OwnEntries): Sharable {
    const day = Math.floor(own.now / DAY);
    const records: SharedRecord[] = [];
    const layers = new Map<Digest, string[]>();
    for (const name of this.#layers) {
      const entry = own.entry("layer", name);
      if (!isSharable(entry)) continue;
      const { digest, size } = entry;
      const key = name.slice(0, KEY_DIGITS);
      records.push({ key, kind: "layer", sub: NO_SUB, digest, size, day });
      layers.set(digest, [...(layers.get(digest) ?? []), key]);
    }
    for (const [name, diffId] of this.#blobs) {
      const entry = own.entry("blob", name);
      if (entry === undefined || entry.size > MAX_SIZE) continue;
      const { digest, size } = entry;
      const sub = name.slice(0, KEY_DIGITS);
      // Where nothing but its bytes says what a layer is on another machine, they do: the blob's own key has the diff ID.
      const keys = layers.get(diffId) ?? (size > WORTH_ASKING ? [sub] : []);
      for (const key of keys) records.push({ key, kind: "blob", sub, digest, size, day });
    }
    const bases = new Map<string, Uint8Array>();
    for (const [name, kind] of this.#notes) {
      const content = own.notes(kind, name);
      if (content !== undefined) bases.set(name.slice(0, KEY_DIGITS), content);
    }
    return { records: mergeRecords([records]), bases };
  }
}

function isSharable(entry: CacheEntry | undefined): entry is CacheEntry {
  return entry?.portable === true && entry.size <= MAX_SIZE;
}
