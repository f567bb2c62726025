/** The work of a thread that measures: recipes come in, their digests, sizes and listings go out. */
import {
  type LayerRecipe,
  listRecipe,
  packLayer,
  roomForSmallFiles,
  type SmallFiles,
  type TreeListing,
} from "#fs";
import { CHUNK_SIZE, Fingerprint } from "#util";
import { ChunkRing, type RingMemory } from "./chunk-ring.ts";
import { estimateSize } from "./estimate.ts";
import { InlineHasher, type LayerHasher } from "./layer-hasher.ts";
import { LayerRoom, type RoomMemory } from "./layer-room.ts";

/** What a thread gets when it starts. */
export interface MeasureThreadData {
  readonly fingerprintKey: Uint8Array;
  /** Leads to a thread that hashes; without one, the thread hashes by itself. */
  readonly ring: RingMemory | undefined;
  /** Where whole layers are left for the writer; without one, none are. */
  readonly room: RoomMemory | undefined;
}

/** A chunk of a room that has a part of a layer, and how many bytes of it. */
export interface LeftChunk {
  readonly number: number;
  readonly length: number;
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
      /** Absent where there was room for the layer. */
      readonly fingerprint: string | undefined;
      readonly kept: SmallFiles;
      /** The whole layer but for the end of its archive, where it is in the room; nothing else of it is kept then. */
      readonly chunks: readonly LeftChunk[];
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
  room: memory,
}: MeasureThreadData): (request: MeasureRequest) => MeasureAnswer {
  const hasher: LayerHasher = ring === undefined ? new InlineHasher() : new ChunkRing(ring);
  /** What was listed last and hasn't been measured yet. */
  let listed: { recipe: LayerRecipe; listings: readonly TreeListing[] } | undefined;

  const room = memory && new LayerRoom(memory);

  const measure = (recipe: LayerRecipe, listings: readonly TreeListing[], keepLimit: number) => {
    // A chunk more, since one is full where the next header doesn't fit.
    const numbers = room?.take(Math.ceil(estimateSize(recipe, listings) / CHUNK_SIZE) + 1);
    const buffers = numbers?.map((number) => room!.chunk(number)) ?? hasher.buffers();
    const keep = roomForSmallFiles(listings, numbers === undefined ? keepLimit : 0);
    // What is written from memory needs none.
    const fingerprint = numbers === undefined ? new Fingerprint(fingerprintKey) : undefined;
    const lengths: number[] = [];
    let size = 0;
    try {
      for (const chunk of packLayer(recipe, { listings, buffers, keep })) {
        fingerprint?.update(chunk);
        size += chunk.length;
        lengths.push(chunk.length);
        hasher.put(chunk);
      }
    } catch (error) {
      hasher.giveUp();
      room?.giveBack(numbers ?? []);
      throw error;
    }
    // The end of the archive was in no chunk of the room.
    lengths.pop();
    const used = numbers !== undefined && lengths.length <= numbers.length ? lengths.length : 0;
    room?.giveBack(numbers?.slice(used) ?? []);
    return {
      type: "measured",
      sha256: hasher.complete(),
      fingerprint: fingerprint?.finish(),
      size,
      kept: keep,
      chunks: numbers?.slice(0, used).map((number, at) => ({ number, length: lengths[at]! })) ?? [],
    } as const;
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
