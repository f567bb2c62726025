/** Room in memory for layers between the time when they are measured and the time when they are written. */
import { CHUNK_SIZE } from "#util";

/** How many chunks there are, of {@link CHUNK_SIZE} each: as many as a writer is behind of the threads that measure. */
const CHUNKS = 12;

const FREE = 0;
const TAKEN = 1;

/** The memory of a room, which all threads need. */
export interface RoomMemory {
  readonly states: SharedArrayBuffer;
  readonly chunks: SharedArrayBuffer;
}

export function newRoomMemory(): RoomMemory {
  return {
    states: new SharedArrayBuffer(CHUNKS * Int32Array.BYTES_PER_ELEMENT),
    chunks: new SharedArrayBuffer(CHUNKS * CHUNK_SIZE),
  };
}

/** The chunks of a room, each known by its number; one thread fills them, and another reads them and gives them back. */
export class LayerRoom {
  readonly #states: Int32Array;
  readonly #chunks: SharedArrayBuffer;

  constructor({ states, chunks }: RoomMemory) {
    this.#states = new Int32Array(states);
    this.#chunks = chunks;
  }

  /** @returns the numbers of so many chunks, that nobody else gets meanwhile; undefined if there aren't so many */
  take(count: number): number[] | undefined {
    const taken: number[] = [];
    for (let n = 0; n < this.#states.length && taken.length < count; n++) {
      if (Atomics.compareExchange(this.#states, n, FREE, TAKEN) === FREE) taken.push(n);
    }
    if (taken.length === count) return taken;
    this.giveBack(taken);
    return undefined;
  }

  /** The memory of a chunk that was taken. */
  chunk(number: number): Buffer {
    return Buffer.from(this.#chunks, number * CHUNK_SIZE, CHUNK_SIZE);
  }

  giveBack(numbers: readonly number[]): void {
    for (const number of numbers) Atomics.store(this.#states, number, FREE);
  }
}
