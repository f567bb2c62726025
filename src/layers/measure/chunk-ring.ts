/** Passes chunks from the thread that packs to the one that hashes, in memory that both share. */
import { createHash, type Hash } from "node:crypto";
import { CHUNK_SIZE } from "#util";
import type { LayerHasher } from "./layer-hasher.ts";

/** The most chunks that may wait in between: enough that the threads don't run in lockstep. */
const SLOTS = 4;

/** Stand in place of a chunk's length: the layer is complete, or was given up. */
const COMPLETE = -1;
const GIVEN_UP = -2;

/** Indexes of the control words: how many chunks were put in and taken out, who takes them out, then each slot's length. */
const PUT = 0;
const TAKEN = 1;
const SERVER = 2;
const LENGTHS = 3;

/** Who takes chunks out: nobody yet; the other thread, once it has started; or the thread that puts them in. */
const NOBODY = 0;
const OTHER = 1;
const SELF = 2;

/**
 * The waits are steps of `STEP` milliseconds. After `STEPS_TO_START` steps in a row in which nothing was taken out, the other
 * thread is taken for one that doesn't start; after `STEPS_TO_TAKE`, for one that has ended. If the whole process is
 * stopped meanwhile, that counts as one step.
 */
const STEP = 1000;
const STEPS_TO_START = 3;
const STEPS_TO_TAKE = 30;

const DIGEST_SIZE = 32;

/** The memory of a ring, which both threads need. */
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

/**
 * Both ends wait by blocking their thread; the main thread never waits longer than it takes to hash a few chunks. A blocked
 * thread isn't told when the other one ends, so every wait is limited. Until the other thread has started, all chunks are
 * still in the ring; if it doesn't start, the thread that put them in takes them out and hashes them itself.
 */
export class ChunkRing implements LayerHasher {
  readonly #slots: readonly Buffer[];
  readonly #control: Int32Array;
  readonly #digest: Buffer;
  readonly #step: number;
  #hash: Hash = createHash("sha256");
  #broken = false;

  /** @param step the length of one wait in milliseconds; the limits are counted in these */
  constructor({ control, chunks, digest }: RingMemory, step = STEP) {
    this.#step = step;
    this.#control = new Int32Array(control);
    this.#slots = Array.from({ length: SLOTS }, (_, slot) =>
      Buffer.from(chunks, slot * CHUNK_SIZE, CHUNK_SIZE),
    );
    this.#digest = Buffer.from(digest);
  }

  /** Whether the other thread ended in the middle of a layer: then the ring can't be used any more. */
  get broken(): boolean {
    return this.#broken;
  }

  /** The slots' memory, in the order in which the next layer fills them. */
  buffers(): readonly Buffer[] {
    const next = this.#control[PUT]! % SLOTS;
    return [...this.#slots.slice(next), ...this.#slots.slice(0, next)];
  }

  /**
   * Hands a chunk over, then waits until the next slot is free. The chunk is copied unless it is in the slot's own memory.
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
    if (!this.#broken) this.#publish(GIVEN_UP);
  }

  /** Takes chunks out and hashes them for ever. Returns at once if it came too late and the other side hashes by itself. */
  serve(): void {
    if (Atomics.compareExchange(this.#control, SERVER, NOBODY, OTHER) !== NOBODY) return;
    for (;;) {
      const taken = this.#control[TAKEN]!;
      // A thread may wake up without a new chunk: the wake-up can belong to a chunk that has been seen and taken already.
      while (Atomics.load(this.#control, PUT) === taken) Atomics.wait(this.#control, PUT, taken);
      this.#take();
    }
  }

  /** Hashes the next chunk and frees its slot. */
  #take(): void {
    const taken = this.#control[TAKEN]!;
    const length = Atomics.load(this.#control, LENGTHS + (taken % SLOTS));
    if (length >= 0) this.#hash.update(this.#slots[taken % SLOTS]!.subarray(0, length));
    else {
      if (length === COMPLETE) this.#digest.set(this.#hash.digest());
      this.#hash = createHash("sha256");
    }
    Atomics.store(this.#control, TAKEN, taken + 1);
    Atomics.notify(this.#control, TAKEN);
  }

  #publish(length: number): void {
    const put = this.#control[PUT]!;
    Atomics.store(this.#control, LENGTHS + (put % SLOTS), length);
    Atomics.store(this.#control, PUT, put + 1);
    Atomics.notify(this.#control, PUT);
    this.#waitUntilTaken(SLOTS - 1);
  }

  /**
   * Waits until at most `left` chunks are in the ring.
   * @throws Error if the other thread ended in the middle of a layer
   */
  #waitUntilTaken(left: number): void {
    const put = this.#control[PUT]!;
    for (let seen = -1, steps = 0; ; ) {
      const taken = Atomics.load(this.#control, TAKEN);
      if (put - taken <= left) return;
      if (this.#broken) throw ended();
      if (taken !== seen) steps = 0;
      seen = taken;
      const server = Atomics.load(this.#control, SERVER);
      if (server === SELF) this.#take();
      else if (Atomics.wait(this.#control, TAKEN, taken, this.#step) === "timed-out") {
        steps++;
        if (steps >= STEPS_TO_START) Atomics.compareExchange(this.#control, SERVER, NOBODY, SELF);
        if (steps < STEPS_TO_TAKE) continue;
        this.#broken = true;
        throw ended();
      }
    }
  }
}

function ended(): Error {
  return new Error("a thread that hashes ended before its work was done");
}
