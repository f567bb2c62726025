/** Layers that are packed from their recipe whenever they are opened. */
import type { CachedLayer } from "#cache";
import { cancelled, VarveError } from "#errors";
import { findChange, type LayerRecipe, listRecipe, packLayer, type SmallFiles, type TreeListing } from "#fs";
import type { Layer, UnmeasuredLayer } from "#image";
import { type Digest, MediaType, parseDigest } from "#oci";
import { endOfArchive } from "#tar";
import { Fingerprint } from "#util";
import { estimateSize } from "./estimate.ts";
import type { HashThreads } from "./hash-threads.ts";
import type { LayerRoom } from "./layer-room.ts";
import type { LeftChunk } from "./measurer.ts";
import type { RecipeRecord, ToldLayer } from "./recipe-record.ts";

/** What measuring a recipe's layer tells. */
export interface Measured {
  readonly diffId: Digest;
  /** The uncompressed archive's length in bytes. */
  readonly size: number;
}

/** A layer that was measured in this run, and not only found in the cache. */
export interface MeasuredNow extends Measured {
  readonly listings: readonly TreeListing[];
  /** The fingerprint that the bytes must have when the layer is packed again, and the key it was made with. */
  readonly fingerprint: { readonly key: Uint8Array; readonly value: string };
  /** The contents of its small files, for the next time that it is packed. */
  readonly kept: SmallFiles;
  /** To be called when these contents are no longer needed. */
  readonly giveBack: () => void;
}

/** A layer that was measured in this run. When it is packed again it is checked by its fingerprint, which costs less than its digest. */
export function measuredLayer(record: RecipeRecord, measured: MeasuredNow): Layer {
  const { recipe } = record;
  const { size, listings, fingerprint, giveBack } = measured;
  let unused: SmallFiles | undefined = measured.kept;
  return {
    ...describe(record, measured),
    async *open(signal) {
      const kept = unused;
      unused = undefined;
      const passing = new Fingerprint(fingerprint.key);
      let passed = 0;
      try {
        for (const chunk of packLayer(recipe, { listings, kept })) {
          if (signal?.aborted) throw cancelled("the build");
          passing.update(chunk);
          passed += chunk.length;
          if (passed > size) break;
          yield chunk;
        }
      } finally {
        if (kept !== undefined) giveBack();
      }
      if (passing.finish() !== fingerprint.value) throw changedTree(recipe, listings);
    },
  };
}

interface InRoom {
  /** What the room has of it: all but the end of the archive, or nothing. */
  readonly chunks: readonly LeftChunk[];
  readonly room: LayerRoom;
  readonly threads: HashThreads;
}

/**
 * A layer that was measured in this run and is in memory. The first time it is read from there; should it be read again, it is packed
 * again, and checked by its digest.
 */
export function layerInRoom(
  record: RecipeRecord,
  measured: Measured & Pick<MeasuredNow, "listings">,
  { chunks, room, threads }: InRoom,
): Layer {
  const { recipe } = record;
  const { diffId, size, listings } = measured;
  let left = chunks;
  return {
    ...describe(record, measured),
    async *open(signal) {
      const now = left;
      left = [];
      if (now.length > 0) return yield* readRoom(now, { room, signal });
      const found = yield* packHashed(recipe, { listings, threads, signal, size, limit: size });
      if (found?.diffId !== diffId) throw changedTree(recipe, listings);
    },
  };
}

/** Hands out chunks of a room, each of which is given back when the second next one is asked for, and the end of the archive. */
function* readRoom(
  chunks: readonly LeftChunk[],
  { room, signal }: Pick<InRoom, "room"> & { readonly signal: AbortSignal | undefined },
): Generator<Uint8Array, void, void> {
  const taken = chunks.map(({ number }) => number);
  const parts = chunks.map(({ number, length }) => room.chunk(number).subarray(0, length));
  const packed = chunks.reduce((sum, { length }) => sum + length, 0);
  try {
    for (const [at, part] of [...parts, endOfArchive(packed)].entries()) {
      if (signal?.aborted) throw cancelled("the build");
      yield part;
      if (at > 0) room.giveBack(taken.splice(0, 1));
    }
  } finally {
    room.giveBack(taken);
  }
}

/**
 * A layer that the cache knows. Its digest is checked as the bytes pass. If the digest is wrong, the cache forgets the entry;
 * if the entry was a claim and is right, the cache keeps it as its own from then on.
 */
export function cachedLayer(
  record: RecipeRecord,
  measured: Measured &
    Pick<CachedLayer, "claimed"> & { readonly listings?: readonly TreeListing[] | undefined },
  threads: HashThreads,
): Layer {
  const { recipe } = record;
  const { diffId, size, claimed, listings } = measured;
  return {
    ...describe(record, measured),
    ...(claimed && { claimed }),
    async *open(signal) {
      const now = listings ?? listRecipe(recipe);
      const found = yield* packHashed(recipe, { listings: now, threads, signal, size, limit: size });
      if (found?.diffId === diffId && found.size === size) {
        if (claimed) record.keep(found);
        return;
      }
      if (record.told !== undefined) throw notAsTold(recipe, record.told);
      record.forget();
      const told = claimed
        ? "what a shared cache says; build without that cache"
        : "what the digest cache says, which has forgotten that entry now; build again";
      throw new VarveError("STALE_CACHE", `the layer of ${shortList(recipe.components)} isn't ${told}`);
    },
  };
}

interface UnmeasuredOptions {
  readonly listings: readonly TreeListing[];
  readonly threads: HashThreads;
  readonly expected: boolean;
}

/** A layer whose digest isn't known yet. Reading it to its end measures it. */
export function unmeasuredLayer(
  record: RecipeRecord,
  { listings, threads, expected }: UnmeasuredOptions,
): UnmeasuredLayer {
  const { recipe } = record;
  let layer: Layer | undefined;
  const estimatedSize = estimateSize(recipe, listings);
  return {
    components: recipe.components,
    estimatedSize,
    ...(expected && { expected }),
    async *open(signal) {
      const found = (yield* packHashed(recipe, { listings, threads, signal, size: estimatedSize }))!;
      // A tree that is named by its hash doesn't change; in others a file may have been written to while it was being read.
      const torn = !record.portable && findChange(recipe, listings) !== undefined;
      if (torn || (layer ?? found).diffId !== found.diffId) throw changedTree(recipe, listings);
      layer = cachedLayer(record, { ...found, listings }, threads);
      record.keep(found);
    },
    measured() {
      if (layer === undefined) throw new Error("the layer hasn't been read to its end");
      return layer;
    },
  };
}

interface HashedOptions {
  readonly listings: readonly TreeListing[];
  readonly threads: HashThreads;
  readonly signal: AbortSignal | undefined;
  /** How many bytes the layer has, about. */
  readonly size: number;
  /** How many bytes are handed out at most. */
  readonly limit?: number;
}

/** Packs a layer and hashes it at the same time. @returns what it is; undefined if it is larger than the limit */
function* packHashed(
  recipe: LayerRecipe,
  { listings, threads, signal, size: expected, limit = Number.POSITIVE_INFINITY }: HashedOptions,
): Generator<Uint8Array, Measured | undefined, void> {
  using lent = threads.lend(expected);
  const { hasher } = lent;
  let size = 0;
  let complete = false;
  try {
    for (const chunk of packLayer(recipe, { listings, buffers: hasher.buffers() })) {
      if (signal?.aborted) throw cancelled("the build");
      size += chunk.length;
      if (size > limit) return undefined;
      hasher.put(chunk);
      yield chunk;
    }
    complete = true;
    return { diffId: parseDigest(`sha256:${hasher.complete()}`, "a layer"), size };
  } finally {
    if (!complete) hasher.giveUp();
  }
}

function describe(record: RecipeRecord, { diffId, size }: Measured): Omit<Layer, "open"> {
  return {
    descriptor: { mediaType: MediaType.ociLayer, digest: diffId, size },
    diffId,
    components: record.recipe.components,
    portable: record.portable,
  };
}

function changedTree(recipe: LayerRecipe, listings: readonly TreeListing[]): VarveError {
  const roots = listings.map((listing) => listing.root);
  const where =
    findChange(recipe, listings) ??
    (roots.length === 1 ? roots[0] : `a file below one of ${shortList(roots)}`);
  return new VarveError(
    "CHANGED_WHILE_READING",
    `${where} changed while the image was being built; build again when nothing writes to it`,
  );
}

function notAsTold(recipe: LayerRecipe, { by }: ToldLayer): VarveError {
  return new VarveError(
    "DIGEST_MISMATCH",
    `the layer of ${shortList(recipe.components)} isn't what ${by} says; find out which of the two was changed`,
  );
}

/** Some of many names, for a sentence. */
function shortList(names: readonly string[]): string {
  return `${names.slice(0, 3).join(", ")}${names.length > 3 ? `, … (${names.length} in all)` : ""}`;
}
