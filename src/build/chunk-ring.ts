/** Chunks on their way from the thread that packs them to the one that hashes them, in memory that both share. */
import { CHUNK_SIZE } from "../util/index.ts";
import type { LayerHasher } from "./layer-hasher.ts";

/** Chunks between the two at the most: enough that neither waits for the other's every step. */
const SLOTS = 4;

/** In place of a chunk's length: the layer is complete, or given up. */
const COMPLETE = -1;
const GIVEN_UP = -2;

/** Places in the control words: how many chunks were put in and taken out, then each slot's length. */
const PUT = 0;
const TAKEN = 1;
const LENGTHS = 2;

const DIGEST_SIZE = 32;

/** What both threads need to make a ring of. */
export interface RingMemory {
  readonly control: SharedArrayBuffer;
  readonly chunks: SharedArrayBuffer;
  readonly digest: SharedArrayBuffer;
}

export function newRingMemory(): RingMemory {
  return {
    control: new SharedArrayBuffer((LENGTHS + SLOTS) * Int32Array.BYTES_PER_ELEMENT),
    chunks: new SharedArrayBuffer(SLOTS * CHUNK_SIZE),
    digest: new SharedArrayBuffer(DIGEST_SIZE),
  };
}

/** Both ends wait by blocking their thread; the main one never waits for longer than it takes to hash a few chunks. */
export class ChunkRing implements LayerHasher {
  readonly #slots: readonly Buffer[];
  readonly #control: Int32Array;
  readonly #digest: Buffer;

  constructor({ control, chunks, digest }: RingMemory) {
    this.#control = new Int32Array(control);
    this.#slots = Array.from({ length: SLOTS }, (_, slot) =>
      Buffer.from(chunks, slot * CHUNK_SIZE, CHUNK_SIZE),
    );
    this.#digest = Buffer.from(digest);
  }

  /** The slots' memory, in the order in which the next layer fills them. */
  buffers(): readonly Buffer[] {
    const next = this.#control[PUT]! % SLOTS;
    return [...this.#slots.slice(next), ...this.#slots.slice(0, next)];
  }

  /**
   * Hands a chunk over, which is copied unless it is in the slot's own memory; then waits until the next slot is free.
   */
  put(chunk: Uint8Array): void {
    const slot = this.#slots[this.#control[PUT]! % SLOTS]!;
    if (chunk.buffer !== slot.buffer) slot.set(chunk);
    this.#publish(chunk.length);
  }

  /** Says that the layer is complete, and waits for its SHA-256, in hexadecimal. */
  complete(): string {
    this.#publish(COMPLETE);
    this.#waitUntilTaken(0);
    return this.#digest.toString("hex");
  }

  /** Says that there will be no more of the layer. */
  giveUp(): void {
    this.#publish(GIVEN_UP);
  }

  /**
   * Takes chunks out for ever: waits for one, has it hashed, and frees its slot.
   * @param newHash makes the hash for each layer
   */
  serve(newHash: () => { update(chunk: Uint8Array): unknown; digest(): Uint8Array }): never {
    let hash = newHash();
    for (;;) {
      const taken = this.#control[TAKEN]!;
      // Woken isn't told: the other end says that there is a chunk, and a moment later wakes who may wait for the next by then.
      while (Atomics.load(this.#control, PUT) === taken) Atomics.wait(this.#control, PUT, taken);
      const length = Atomics.load(this.#control, LENGTHS + (taken % SLOTS));
      if (length >= 0) hash.update(this.#slots[taken % SLOTS]!.subarray(0, length));
      else {
        if (length === COMPLETE) this.#digest.set(hash.digest());
        hash = newHash();
      }
      Atomics.store(this.#control, TAKEN, taken + 1);
      Atomics.notify(this.#control, TAKEN);
    }
  }

  #publish(length: number): void {
    const put = this.#control[PUT]!;
    Atomics.store(this.#control, LENGTHS + (put % SLOTS), length);
    Atomics.store(this.#control, PUT, put + 1);
    Atomics.notify(this.#control, PUT);
    this.#waitUntilTaken(SLOTS - 1);
  }

  /** Waits until at most so many chunks are left in the ring. */
  #waitUntilTaken(left: number): void {
    const put = this.#control[PUT]!;
    for (;;) {
      const taken = Atomics.load(this.#control, TAKEN);
      if (put - taken <= left) return;
      Atomics.wait(this.#control, TAKEN, taken);
    }
  }
}
