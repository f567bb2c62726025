/** The work of a thread that compresses: blocks come in, and the results go out in the same memory. */
import { constants, deflateRawSync, zstdCompressSync } from "node:zlib";
import { pinnedZstd } from "./pinned.ts";

const MiB = 1024 * 1024;

/** If the memory has room for any possible result, zstd needn't copy the block first. */
const SLACK = 64 * 1024;
const MOST_ROOM = 4 * MiB;

/** A block to be compressed. */
export interface CompressRequest {
  readonly algorithm: "gzip" | "zstd" | "zstd-pinned";
  readonly level: number;
  /** Begins with the block's bytes, which the result replaces. */
  readonly memory: SharedArrayBuffer;
  /** How many bytes the block has. */
  readonly length: number;
  /** The end of the block before, which deflate refers to (gzip). */
  readonly history: Uint8Array | undefined;
  /** Whether nothing follows (gzip). */
  readonly last: boolean;
  /** Where in the block frames end (zstd), the last one at its end; absent for a single one. */
  readonly cuts?: readonly number[] | undefined;
}

/** What came out of a block. */
export interface CompressAnswer {
  /** The bytes, where the request's memory is too small for them. */
  readonly bytes: Uint8Array | undefined;
  /** How many bytes each frame has, in their order; one number where there are no cuts. */
  readonly frames: readonly number[];
}

/** Compresses a block. */
export async function compressInPlace(request: CompressRequest): Promise<CompressAnswer> {
  const { algorithm, cuts, length, level, memory } = request;
  const pinned = algorithm === "zstd-pinned" ? await pinnedZstd() : undefined;
  const parts = (cuts ?? [length]).map((end, at) => {
    const start = cuts?.[at - 1] ?? 0;
    return pinned?.(new Uint8Array(memory, start, end - start), level) ?? compressed(request, start, end);
  });
  const frames = parts.map((part) => part.length);
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts);
  if (bytes.length > request.memory.byteLength) return { bytes, frames };
  new Uint8Array(request.memory).set(bytes);
  for (const part of new Set([...parts, bytes])) free(part);
  return { bytes: undefined, frames };
}

/** Frees a result's memory at once: the collector would let megabytes of them gather in each thread. */
function free({ buffer }: Uint8Array): void {
  // Small results may be parts of Node.js' pool, whose memory others use, too.
  if (buffer instanceof ArrayBuffer && buffer.byteLength > 2 * Buffer.poolSize) buffer.transfer(0);
}

function compressed(
  { algorithm, level, memory, history, last }: CompressRequest,
  start: number,
  end: number,
): Buffer {
  const length = end - start;
  const bytes = Buffer.from(memory, start, length);
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
