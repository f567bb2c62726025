/** Large chunks keep the cost of a chunk (a system call, a hash update, a promise) far below that of its bytes. */
export const CHUNK_SIZE = 1024 * 1024;

/**
 * Chunks whose memory is only borrowed: it may be used again, so a chunk stays as it is until the *second* next one is asked
 * for. A consumer may still be writing one chunk while it asks for the next, and must copy what it wants to keep for longer.
 */
export type BorrowedChunks = AsyncIterable<Uint8Array>;

/** Bytes that can be read again and again; every reading yields the same bytes, in large chunks. */
export interface ByteSource {
  /**
   * Begins to read.
   * @param signal - ends the reading
   */
  open(signal?: AbortSignal): BorrowedChunks;
}

/** The same bytes as a Buffer. To make one costs more than it seems where it is done for each of many small files. */
export function asBuffer(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
}

/** A {@link ByteSource} over bytes that are in memory already, in one part or several. */
export function bytesSource(...parts: readonly Uint8Array[]): ByteSource {
  return {
    async *open() {
      for (const part of parts) if (part.length > 0) yield part;
    },
  };
}

/** The same chunks in memory of their own, so that they can be kept. */
export async function* ownChunks(chunks: BorrowedChunks): AsyncGenerator<Uint8Array, void, void> {
  for await (const chunk of chunks) yield Uint8Array.from(chunk);
}

/** Reads all of `chunks` into one array; for small things such as JSON documents, of at most `limit` bytes. */
export async function collect(
  chunks: AsyncIterable<Uint8Array>,
  limit: number,
  tooLarge: () => Error,
): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > limit) throw tooLarge();
    parts.push(Uint8Array.from(chunk));
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
}
