/** How layers and archives are compressed: gzip (RFC 1952) and zstd (RFC 8878). */
import type { Transform } from "node:stream";
import { createGunzip, createZstdDecompress } from "node:zlib";
import { VarveError } from "#errors";
import { gzipBlocks, zstdBlocks } from "./blocks.ts";
import { type ChunkedAnnotations, zstdChunked } from "./chunked/chunked.ts";
import { wholeZstdFrames } from "./zstd-frames.ts";

/** How a layer is compressed. */
export type Compression = "none" | "gzip" | "zstd";

/** A compression with its level. */
export interface CompressionChoice {
  /**
   * `zstd:chunked` is zstd that lists its files, so that an engine can fetch some of them. `zstd-pinned` is zstd from a library
   * of varve's own instead of Node.js's, so that its bytes stay the same with each Node.js.
   */
  readonly algorithm: Compression | "zstd:chunked" | "zstd-pinned";
  /** 1 to 9 for gzip, 1 to 22 for zstd in all its forms; each has its own default. */
  readonly level?: number;
}

/** The levels that are taken unless one is given. */
export const DEFAULT_LEVELS = { gzip: 6, zstd: 3, "zstd:chunked": 3, "zstd-pinned": 3 } as const;

/** What compressors and decompressors hand out at a time, in bytes. */
const OUTPUT_CHUNK = 256 * 1024;

/** The highest level of each; the lowest is 1. */
export const MOST_LEVELS = { gzip: 9, zstd: 22, "zstd:chunked": 22, "zstd-pinned": 22 } as const;

/** What comes out of a chosen compression, for readers. */
export function formatOf({ algorithm }: CompressionChoice): Compression {
  return algorithm === "none" || algorithm === "gzip" ? algorithm : "zstd";
}

/**
 * Tells a compression by its first bytes.
 * @param what names the bytes in errors
 * @throws VarveError `UNSUPPORTED_COMPRESSION` for bzip2 and xz, which no image needs
 */
export function compressionOf(start: Uint8Array, what: string): Compression {
  const begins = (...magic: number[]) => magic.every((byte, at) => start[at] === byte);
  if (begins(0x1f, 0x8b)) return "gzip";
  if (begins(0x28, 0xb5, 0x2f, 0xfd)) return "zstd";
  const other = begins(0x42, 0x5a, 0x68) ? "bzip2" : begins(0xfd, 0x37, 0x7a, 0x58, 0x5a) ? "xz" : undefined;
  if (other === undefined) return "none";
  throw new VarveError(
    "UNSUPPORTED_COMPRESSION",
    `${what} is compressed with ${other}, which varve doesn't read; decompress it, or use gzip or zstd`,
  );
}

/**
 * Compresses chunks, several blocks of them at a time in threads. The gzip header has neither a time nor a
 * system. The output depends only on the bytes and the level; its memory is reused as `ByteSource` says.
 * @param onAnnotations - gets what a layer's descriptor has to say of the result, at its end and if there is something
 * @throws VarveError `USAGE` for a level that the algorithm doesn't have
 */
export async function* compress(
  chunks: AsyncIterable<Uint8Array>,
  { algorithm, level }: CompressionChoice,
  onAnnotations: (annotations: ChunkedAnnotations) => void = () => {},
): AsyncGenerator<Uint8Array, void, void> {
  if (algorithm === "none") {
    yield* chunks;
    return;
  }
  const most = MOST_LEVELS[algorithm];
  const chosen = level ?? DEFAULT_LEVELS[algorithm];
  if (!Number.isInteger(chosen) || chosen < 1 || chosen > most) {
    throw new VarveError("USAGE", `${algorithm} has the levels 1 to ${most}, not ${chosen}`);
  }
  if (algorithm === "gzip") yield* gzipBlocks(chunks, chosen);
  else if (algorithm === "zstd:chunked") yield* zstdChunked(chunks, { level: chosen, onMade: onAnnotations });
  else yield* zstdBlocks(chunks, { algorithm, level: chosen });
}

/**
 * Decompresses chunks into new memory. A few bytes may give any number of bytes, since layers of zeros are valid; so callers
 * that keep the result must limit what they keep.
 * @param what names the bytes in errors
 * @throws VarveError `INVALID_IMAGE` for a damaged stream
 */
export async function* decompress(
  chunks: AsyncIterable<Uint8Array>,
  { algorithm, what }: { algorithm: Compression; what: string },
): AsyncGenerator<Uint8Array, void, void> {
  if (algorithm === "none") {
    yield* chunks;
    return;
  }
  const options = { chunkSize: OUTPUT_CHUNK };
  const decoder = algorithm === "gzip" ? createGunzip(options) : createZstdDecompress(options);
  let compressed = 0;
  const counted = async function* () {
    for await (const chunk of chunks) {
      compressed += chunk.length;
      yield chunk;
    }
  };
  const input = algorithm === "gzip" ? counted() : wholeZstdFrames(counted(), what);
  try {
    yield* through(input, decoder);
  } catch (error) {
    throw isDecoderError(error) ? damaged(what, algorithm, error) : error;
  }
  // The decoder silently ignores zeros after the end, and anything that follows them.
  if (decoder.bytesWritten !== compressed) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${what} is damaged: ${compressed - decoder.bytesWritten} bytes follow the end of its ${algorithm} stream`,
    );
  }
}

function isDecoderError(error: unknown): error is Error {
  const code = (error as { code?: unknown }).code;
  return typeof code === "string" && /^(Z_|ZSTD_|ERR__?Z)/i.test(code);
}

function damaged(what: string, algorithm: Compression, cause: Error): VarveError {
  return new VarveError(
    "INVALID_IMAGE",
    `${what} is damaged or cut short: its ${algorithm} stream doesn't decompress (${cause.message})`,
    { cause },
  );
}

/** Feeds chunks to a stream and yields its output; the stream works in another thread meanwhile. */
async function* through(
  chunks: AsyncIterable<Uint8Array>,
  stream: Transform,
): AsyncGenerator<Buffer, void, void> {
  const feed = async () => {
    for await (const chunk of chunks) {
      // The chunk's memory may be reused after the next but one, so wait until the stream has taken it in.
      await new Promise<void>((resolve, reject) => {
        stream.write(chunk, (error) => (error ? reject(error) : resolve()));
      });
    }
    stream.end();
  };
  const feeding = feed().catch((error) => stream.destroy(error));
  try {
    yield* stream as AsyncIterable<Buffer>;
    await feeding;
  } finally {
    stream.destroy();
  }
}
