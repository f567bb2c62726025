import { getDefaultHighWaterMark } from "node:stream";

/**
 * Chunks that may be handed to a socket, from a source that reuses its memory (see `ByteSource`). A socket asks for the
 * next chunk as long as it holds less than its high-water mark, so smaller chunks are copied; a larger one alone makes
 * it wait until it is written.
 */
export async function* steadyChunks(
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  const enough = getDefaultHighWaterMark(false);
  for await (const chunk of chunks) {
    if (chunk.length === 0) continue;
    yield chunk.length >= enough ? chunk : Uint8Array.prototype.slice.call(chunk);
  }
}
