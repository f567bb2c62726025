/** Reads files as streams of bytes. */
import { open } from "node:fs/promises";
import { readError } from "../errors.ts";
import { CHUNK_SIZE } from "./bytes.ts";

/**
 * A file's bytes from start to end, in chunks under the rule of `ByteSource`.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export async function* readChunks(path: string): AsyncGenerator<Uint8Array, void, void> {
  const failed = (error: unknown): never => {
    throw readError(path, error);
  };
  const file = await open(path).catch(failed);
  try {
    const buffers = [Buffer.allocUnsafeSlow(CHUNK_SIZE), Buffer.allocUnsafeSlow(CHUNK_SIZE)] as const;
    for (let turn = 0; ; turn++) {
      const { bytesRead, buffer } = await file.read(buffers[turn % 2 === 0 ? 0 : 1]).catch(failed);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    await file.close();
  }
}
