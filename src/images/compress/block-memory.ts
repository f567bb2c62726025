/** The memory of blocks that are compressed, which threads share. */

/**
 * Memory that no block has at the moment, by its size. If it were left to the collector, memory would grow in the meantime, and
 * little of what is freed between other things goes back to the system.
 */
const free = new Map<number, SharedArrayBuffer[]>();

/** Memory for a block, until it is given back. */
export function takeMemory(bytes: number): SharedArrayBuffer {
  return free.get(bytes)?.pop() ?? new SharedArrayBuffer(bytes);
}

export function giveBackMemory(memory: SharedArrayBuffer): void {
  const list = free.get(memory.byteLength);
  if (list === undefined) free.set(memory.byteLength, [memory]);
  else list.push(memory);
}
