/**
 * Compression on several threads: the bytes are cut into blocks at fixed places, several of them are compressed at a
 * time, and the results are joined in order. The output depends only on the bytes and the level, not on how the bytes are
 * cut when they come or on which thread is done first.
 */
import { crc32 } from "node:zlib";
import type { CompressRequest } from "./block.ts";
import { giveBackMemory, takeMemory } from "./block-memory.ts";
import { type CompressedBlock, compressBlock, compressThreads } from "./threads.ts";

/** How far back deflate looks: RFC 1951, section 2. */
const GZIP_WINDOW = 32 * 1024;
const GZIP_BLOCK = 1024 * 1024;
const GZIP_UNDER_WAY = 4;

/**
 * A zstd frame can't refer to the one before it, so frames are larger than blocks of gzip: with these the whole is up to two
 * percent larger than a single frame. Even larger ones would cost memory, several times for each layer that is compressed
 * at the same time. Levels beyond the limit look further back, and need additional memory for that.
 */
const ZSTD_FRAME = 2 * 1024 * 1024;
const ZSTD_UNDER_WAY = 3;
const ZSTD_FAST_LEVELS = 9;
const ZSTD_LARGE_FRAME = 16 * 1024 * 1024;
const ZSTD_LARGE_UNDER_WAY = 2;

const ISIZE_MODULUS = 2 ** 32;

/**
 * The bytes as one gzip member (RFC 1952), whose header tells no time and no system.
 * @param level 1 to 9
 */
export async function* gzipBlocks(
  chunks: AsyncIterable<Uint8Array>,
  level: number,
): AsyncGenerator<Uint8Array, void, void> {
  yield gzipHeader(level);
  let sum = 0;
  let size = 0;
  const observed = async function* () {
    for await (const chunk of chunks) {
      sum = crc32(chunk, sum);
      size += chunk.length;
      yield chunk;
    }
  };
  const blocks = cutBlocks(observed(), { size: GZIP_BLOCK, history: GZIP_WINDOW });
  yield* inOrder(blocks, GZIP_UNDER_WAY, { algorithm: "gzip", level });
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(sum, 0);
  trailer.writeUInt32LE(size % ISIZE_MODULUS, 4);
  yield trailer;
}

/** RFC 1952, section 2.3: magic, deflate, no flags, no time, how hard was tried, unknown system. */
function gzipHeader(level: number): Buffer {
  const effort = level === 9 ? 2 : level === 1 ? 4 : 0;
  return Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, effort, 255]);
}

/**
 * The bytes as zstd frames, one after the other (RFC 8878, section 3).
 * @param level 1 to 22
 */
export async function* zstdBlocks(
  chunks: AsyncIterable<Uint8Array>,
  { algorithm, level }: { readonly algorithm: "zstd" | "zstd-pinned"; readonly level: number },
): AsyncGenerator<Uint8Array, void, void> {
  const fast = level <= ZSTD_FAST_LEVELS;
  const blocks = cutBlocks(chunks, { size: fast ? ZSTD_FRAME : ZSTD_LARGE_FRAME, history: 0 });
  yield* inOrder(blocks, fast ? ZSTD_UNDER_WAY : ZSTD_LARGE_UNDER_WAY, { algorithm, level });
}

/**
 * Blocks as zstd frames, several in each where they are cut so.
 * @param blocks of at most {@link ZSTD_FRAME} bytes in memory that was taken by {@link takeBlock}
 * @param onFrames is told how many bytes each frame of a block has, before its bytes are handed out
 */
export function zstdFrames(
  blocks: AsyncIterable<Block>,
  { level, onFrames }: { readonly level: number; readonly onFrames: (lengths: readonly number[]) => void },
): AsyncGenerator<Uint8Array, void, void> {
  return inOrder(blocks, ZSTD_UNDER_WAY, { algorithm: "zstd", level, onFrames });
}

/** A block that is to be compressed. */
export type Block = Pick<CompressRequest, "memory" | "length" | "history" | "last" | "cuts">;

/** Memory for a block of zstd frames; {@link zstdFrames} takes care of it from then on. */
export const takeBlock = (): SharedArrayBuffer => takeMemory(ZSTD_FRAME);

/** Copies bytes into blocks of `size`; only the last is shorter, and even nothing is one block. */
async function* cutBlocks(
  chunks: AsyncIterable<Uint8Array>,
  { size, history }: { size: number; history: number },
): AsyncGenerator<Block, void, void> {
  let memory: SharedArrayBuffer | undefined = takeMemory(size);
  let length = 0;
  let before: Uint8Array | undefined;
  try {
    for await (const chunk of chunks) {
      for (let at = 0; at < chunk.length; ) {
        if (length === size) {
          const full = { memory, length, history: before, last: false };
          // The result replaces the block, so the part to which the next block refers is copied now.
          before = history === 0 ? undefined : new Uint8Array(memory, size - history).slice();
          memory = undefined;
          yield full;
          memory = takeMemory(size);
          length = 0;
        }
        const part = chunk.subarray(at, at + size - length);
        new Uint8Array(memory).set(part, length);
        length += part.length;
        at += part.length;
      }
    }
    const rest = { memory, length, history: before, last: true };
    memory = undefined;
    yield rest;
  } finally {
    if (memory !== undefined) giveBackMemory(memory);
  }
}

/** How many layers are being compressed. */
let layers = 0;

/**
 * How many blocks of one layer may be under way: several layers together keep all threads busy with fewer of each.
 * @param limit for a layer by itself
 */
function underWay(limit: number): number {
  const each = Math.floor((2 * compressThreads() + 2) / layers);
  return Math.max(1, Math.min(limit, each));
}

/**
 * Compresses at most `limit` blocks at a time and yields the results in the blocks' order. Their memory is used again
 * as `ByteSource` says.
 */
async function* inOrder(
  blocks: AsyncIterable<Block>,
  limit: number,
  {
    onFrames,
    ...choice
  }: Pick<CompressRequest, "algorithm" | "level"> & {
    readonly onFrames?: (lengths: readonly number[]) => void;
  },
): AsyncGenerator<Uint8Array, void, void> {
  const under: { readonly block: Block; readonly result: Promise<CompressedBlock> }[] = [];
  let handedOut: Block | undefined;
  const next = async function* () {
    const { block, result } = under[0]!;
    const { bytes, frames } = await result;
    under.shift();
    onFrames?.(frames);
    if (block.last) {
      // It isn't known when the last chunk is no longer needed, so its memory isn't reused.
      const own = bytes.slice();
      giveBackMemory(block.memory);
      yield own;
    } else yield bytes;
    if (handedOut !== undefined) giveBackMemory(handedOut.memory);
    handedOut = block.last ? undefined : block;
  };
  layers++;
  try {
    for await (const block of blocks) {
      const result = compressBlock({ ...choice, ...block });
      // A failure is handled when its turn comes; until then it must not count as an unhandled rejection.
      result.catch(() => {});
      under.push({ block, result });
      while (under.length >= underWay(limit)) yield* next();
    }
    while (under.length > 0) yield* next();
  } finally {
    layers--;
    await Promise.allSettled(under.map(({ result }) => result));
    for (const { block } of under) giveBackMemory(block.memory);
    if (handedOut !== undefined) giveBackMemory(handedOut.memory);
  }
}
