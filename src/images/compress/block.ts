/** The work of a thread that compresses: blocks come in, and the results go out in the same memory. */
import { constants, deflateRawSync, zstdCompressSync } from "node:zlib";

const MiB = 1024 * 1024;

/** If the memory has room for any possible result, zstd needn't copy the block first. */
const SLACK = 64 * 1024;
const MOST_ROOM = 4 * MiB;

/** A block to be compressed. */
export interface CompressRequest {
  readonly algorithm: "gzip" | "zstd";
  readonly level: number;
  /** Begins with the block's bytes, which the result replaces. */
  readonly memory: SharedArrayBuffer;
  /** How many bytes the block has. */
  readonly length: number;
  /** The end of the block before, which deflate refers to (gzip). */
  readonly history: Uint8Array | undefined;
  /** Whether nothing follows (gzip). */
  readonly last: boolean;
}

/** How many bytes came out, or the bytes themselves where the memory is too small for them. */
export type CompressAnswer = number | Uint8Array;

/** Compresses a block. */
export function compressInPlace(request: CompressRequest): CompressAnswer {
  const bytes = compressed(request);
  if (bytes.length > request.memory.byteLength) return bytes;
  new Uint8Array(request.memory).set(bytes);
  return bytes.length;
}

function compressed({ algorithm, level, memory, length, history, last }: CompressRequest): Buffer {
  const bytes = Buffer.from(memory, 0, length);
  const chunkSize = Math.min(length + SLACK, MOST_ROOM);
  if (algorithm === "gzip") {
    return deflateRawSync(bytes, {
      level,
      chunkSize,
      // A flush ends on a byte boundary, so the next block can follow.
      finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      ...(history === undefined ? {} : { dictionary: history }),
    });
  }
  return zstdCompressSync(bytes, {
    chunkSize,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}
