import type { FileHandle } from "node:fs/promises";
import { VarveError } from "#errors";
import { CHUNK_SIZE } from "#util";

/** The bytes at a position; fewer only where the file ends. */
export async function readAt(file: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let read = 0;
  while (read < length) {
    const { bytesRead } = await file.read(bytes, read, length - read, position + read);
    if (bytesRead === 0) break;
    read += bytesRead;
  }
  return bytes.subarray(0, read);
}

export interface FileRange {
  readonly offset: number;
  readonly size: number;
  /** Names the file in errors. */
  readonly path: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * The bytes of a part of an open file, in chunks under the rule of `ByteSource`.
 * @throws VarveError `INVALID_IMAGE` if the file has become shorter
 */
export async function* readRange(
  file: FileHandle,
  { offset, size, path, signal }: FileRange,
): AsyncGenerator<Uint8Array, void, void> {
  const buffers = [0, 1].map(() => Buffer.allocUnsafeSlow(Math.min(CHUNK_SIZE, size)));
  for (let at = 0, turn = 0; at < size; turn = 1 - turn) {
    signal?.throwIfAborted();
    const buffer = buffers[turn]!;
    const { bytesRead } = await file.read(buffer, 0, Math.min(buffer.length, size - at), offset + at);
    if (bytesRead === 0) throw new VarveError("INVALID_IMAGE", `${path} was cut short while it was read`);
    yield buffer.subarray(0, bytesRead);
    at += bytesRead;
  }
}
