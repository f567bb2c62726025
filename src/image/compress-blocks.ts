/**
 * Compression on several threads: the bytes are cut into blocks at fixed places, the thread pool compresses several
 * of them at a time, and what comes out is joined in order. The output follows from the bytes and the level alone,
 * however the bytes come and whoever is done first.
 */
import { promisify } from "node:util";
import { constants, crc32, deflateRaw, zstdCompress } from "node:zlib";

const deflateRawAsync = promisify(deflateRaw);
const zstdCompressAsync = promisify(zstdCompress);

/** What a compressor gives back at a time, in bytes. */
const OUTPUT_CHUNK = 256 * 1024;

/** How far back deflate looks: RFC 1951, section 2. */
const GZIP_WINDOW = 32 * 1024;
const GZIP_BLOCK = 1024 * 1024;
const GZIP_UNDER_WAY = 4;

/**
 * A zstd frame knows nothing of the one before it, so frames are larger than blocks of gzip: with these the whole
 * is up to two percent larger than a single frame. Still larger ones would cost memory, several times for each layer
 * that is compressed at the same time. Levels beyond the limit look further back, and need memory of their own for
 * it.
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
): AsyncGenerator<Buffer, void, void> {
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
  yield* inOrder(blocks, GZIP_UNDER_WAY, ({ bytes, history, last }) =>
    deflateRawAsync(bytes, {
      level,
      chunkSize: OUTPUT_CHUNK,
      // A flush ends at a whole byte, so the next block can follow.
      finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      ...(history.length > 0 ? { dictionary: history } : {}),
    }),
  );
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
  level: number,
): AsyncGenerator<Buffer, void, void> {
  const fast = level <= ZSTD_FAST_LEVELS;
  const blocks = cutBlocks(chunks, { size: fast ? ZSTD_FRAME : ZSTD_LARGE_FRAME, history: 0 });
  const params = { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 };
  yield* inOrder(blocks, fast ? ZSTD_UNDER_WAY : ZSTD_LARGE_UNDER_WAY, ({ bytes }) =>
    zstdCompressAsync(bytes, { chunkSize: OUTPUT_CHUNK, params }),
  );
}

interface Block {
  readonly bytes: Buffer;
  /** What came before, as far as it matters; empty for the first block. */
  readonly history: Buffer;
  readonly last: boolean;
  /** Says that the bytes aren't needed any more. */
  release(): void;
}

/** Copies bytes into blocks of `size`; only the last is shorter, and even nothing is one block. */
async function* cutBlocks(
  chunks: AsyncIterable<Uint8Array>,
  { size, history }: { size: number; history: number },
): AsyncGenerator<Block, void, void> {
  const free: Buffer[] = [];
  const take = () => free.pop() ?? Buffer.allocUnsafeSlow(history + size);
  let memory = take();
  let start = history;
  let end = history;
  const block = (last: boolean): Block => {
    const used = memory;
    return {
      bytes: used.subarray(history, end),
      history: used.subarray(start, history),
      last,
      release: () => free.push(used),
    };
  };
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length; ) {
      if (end === memory.length) {
        yield block(false);
        // It may be the same memory: then the block is done with, and only its end matters.
        const next = take();
        memory.copy(next, 0, end - history, end);
        memory = next;
        start = 0;
        end = history;
      }
      const part = chunk.subarray(at, at + memory.length - end);
      memory.set(part, end);
      end += part.length;
      at += part.length;
    }
  }
  yield block(true);
}

/** Works on at most `limit` blocks at a time and yields the results in the blocks' order. */
async function* inOrder(
  blocks: AsyncIterable<Block>,
  limit: number,
  work: (block: Block) => Promise<Buffer>,
): AsyncGenerator<Buffer, void, void> {
  const under: Promise<Buffer>[] = [];
  try {
    for await (const block of blocks) {
      const task = work(block).finally(() => block.release());
      // Its failure is met when its turn comes; until then it must not count as nobody's.
      task.catch(() => {});
      under.push(task);
      if (under.length >= limit) yield await under.shift()!;
    }
    while (under.length > 0) yield await under.shift()!;
  } finally {
    await Promise.allSettled(under);
  }
}
