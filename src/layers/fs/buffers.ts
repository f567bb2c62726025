import { CHUNK_SIZE } from "#util";

/** Two chunks: one is filled while the other is still being written. */
export type BufferPair = readonly [Buffer, Buffer];

/**
 * Pairs that no layer uses just now. To allocate megabytes for every layer would leave it to the garbage
 * collector when they go, and memory would grow in the meantime.
 */
const free: BufferPair[] = [];

export function takeBuffers(): BufferPair {
  return free.pop() ?? [Buffer.allocUnsafeSlow(CHUNK_SIZE), Buffer.allocUnsafeSlow(CHUNK_SIZE)];
}

export function giveBackBuffers(pair: BufferPair): void {
  free.push(pair);
}
