/** The work of a thread that measures: recipes come in, their digests, sizes and listings go out. */
import {
  type LayerRecipe,
  listRecipe,
  packLayer,
  roomForSmallFiles,
  type SmallFiles,
  type TreeListing,
} from "#fs";
import { Fingerprint } from "#util";
import { ChunkRing, type RingMemory } from "./chunk-ring.ts";
import { InlineHasher, type LayerHasher } from "./layer-hasher.ts";

/** What a thread gets when it starts. */
export interface MeasureThreadData {
  readonly fingerprintKey: Uint8Array;
  /** Leads to a thread that hashes; without one, the thread hashes by itself. */
  readonly ring: RingMemory | undefined;
}

/**
 * What a thread can be asked: to measure a recipe; to list its trees and wait; or to measure what it has listed. When it
 * measures, it may keep up to `keepLimit` bytes of small files for the time when the layer is written.
 */
export type MeasureRequest =
  | { readonly type: "measure"; readonly recipe: LayerRecipe; readonly keepLimit: number }
  | { readonly type: "list"; readonly recipe: LayerRecipe }
  | { readonly type: "measure-listed"; readonly keepLimit: number };

/** What a thread answers. */
export type MeasureAnswer =
  | { readonly type: "listed"; readonly listings: readonly TreeListing[] }
  | {
      readonly type: "measured";
      /** In hexadecimal. */
      readonly sha256: string;
      readonly size: number;
      readonly fingerprint: string;
      readonly kept: SmallFiles;
      /** Absent if they were sent before. */
      readonly listings?: readonly TreeListing[];
    };

/** The memory in an answer that is moved to the thread that asked, instead of copied. */
export function movedOf(answer: MeasureAnswer): ArrayBuffer[] {
  return answer.type === "measured" ? [answer.kept.bytes.buffer] : [];
}

/** Answers one request after the other. Throws what listing and packing throw. */
export function measurer({
  fingerprintKey,
  ring,
}: MeasureThreadData): (request: MeasureRequest) => MeasureAnswer {
  const hasher: LayerHasher = ring === undefined ? new InlineHasher() : new ChunkRing(ring);
  /** What was listed last and hasn't been measured yet. */
  let listed: { recipe: LayerRecipe; listings: readonly TreeListing[] } | undefined;

  const measure = (recipe: LayerRecipe, listings: readonly TreeListing[], keepLimit: number) => {
    const fingerprint = new Fingerprint(fingerprintKey);
    const keep = roomForSmallFiles(listings, keepLimit);
    let size = 0;
    try {
      for (const chunk of packLayer(recipe, { listings, buffers: hasher.buffers(), keep })) {
        fingerprint.update(chunk);
        size += chunk.length;
        hasher.put(chunk);
      }
    } catch (error) {
      hasher.giveUp();
      throw error;
    }
    const sha256 = hasher.complete();
    return { type: "measured", sha256, fingerprint: fingerprint.finish(), size, kept: keep } as const;
  };

  return (request) => {
    if (request.type === "measure-listed") {
      const { recipe, listings } = listed!;
      listed = undefined;
      return measure(recipe, listings, request.keepLimit);
    }
    const { recipe } = request;
    const listings = listRecipe(recipe, { identify: request.type === "list" });
    if (request.type === "measure") return { ...measure(recipe, listings, request.keepLimit), listings };
    listed = { recipe, listings };
    return { type: "listed", listings };
  };
}
