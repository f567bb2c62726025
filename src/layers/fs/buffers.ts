import { CHUNK_SIZE } from "#util";

/** Two chunks of memory: one is filled while the other is still being written. */
export type BufferPair = readonly [Buffer, Buffer];

/**
 * Pairs that no layer uses at the moment. If every layer allocated its own megabytes, memory would grow until the garbage
 * collector frees them.
 */
const free: BufferPair[] = [];

export function takeBuffers(): BufferPair {
  return free.pop() ?? [Buffer.allocUnsafeSlow(CHUNK_SIZE), Buffer.allocUnsafeSlow(CHUNK_SIZE)];
}

export function giveBackBuffers(pair: BufferPair): void {
  free.push(pair);
}
