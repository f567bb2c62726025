/** The body of a compressing thread: blocks come in, and what came of them goes out in the same memory. */
import { parentPort } from "node:worker_threads";
import { constants, deflateRawSync, zstdCompressSync } from "node:zlib";
import type { CompressAnswer, CompressRequest } from "./compress-threads.ts";

const MiB = 1024 * 1024;

/** With room for all that can come of a block at once, zstd needn't copy the block first. */
const SLACK = 64 * 1024;
const MOST_ROOM = 4 * MiB;

function compressed({ algorithm, level, memory, length, history, last }: CompressRequest): Buffer {
  const bytes = Buffer.from(memory, 0, length);
  const chunkSize = Math.min(length + SLACK, MOST_ROOM);
  if (algorithm === "gzip") {
    return deflateRawSync(bytes, {
      level,
      chunkSize,
      // A flush ends at a whole byte, so the next block can follow.
      finishFlush: last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
      ...(history === undefined ? {} : { dictionary: history }),
    });
  }
  return zstdCompressSync(bytes, {
    chunkSize,
    params: { [constants.ZSTD_c_compressionLevel]: level, [constants.ZSTD_c_checksumFlag]: 1 },
  });
}

parentPort!.on("message", (request: CompressRequest) => {
  const bytes = compressed(request);
  let answer: CompressAnswer = bytes;
  if (bytes.length <= request.memory.byteLength) {
    new Uint8Array(request.memory).set(bytes);
    answer = bytes.length;
  }
  parentPort!.postMessage(answer);
});
