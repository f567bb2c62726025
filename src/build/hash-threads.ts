/** Threads that hash what the main one reads: of all that is done to a layer's bytes here, hashing takes longest. */
import type { Worker } from "node:worker_threads";
import { startThread } from "../util/index.ts";
import { ChunkRing, newRingMemory, type RingMemory } from "./chunk-ring.ts";
import { InlineHasher, type LayerHasher } from "./layer-hasher.ts";

/** A hasher that one layer has for itself. */
export interface LentHasher extends Disposable {
  readonly hasher: LayerHasher;
}

interface Thread {
  readonly worker: Worker;
  readonly ring: ChunkRing;
}

/** Lends hashers to layers that are read at the same time. */
export class HashThreads implements Disposable {
  readonly #limit: number;
  readonly #free: Thread[] = [];
  #lent = 0;
  #closed = false;

  /** @param limit how many threads there are at most; a layer beyond is hashed where it is read */
  constructor(limit: number) {
    this.#limit = limit;
  }

  lend(): LentHasher {
    if (this.#lent >= this.#limit) return { hasher: new InlineHasher(), [Symbol.dispose]() {} };
    const thread = this.#free.pop() ?? start();
    this.#lent++;
    return {
      hasher: thread.ring,
      [Symbol.dispose]: () => {
        this.#lent--;
        if (this.#closed) void thread.worker.terminate();
        else this.#free.push(thread);
      },
    };
  }

  /** Ends the threads that nobody uses, and from then on each as soon as nobody uses it. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const { worker } of this.#free.splice(0)) void worker.terminate();
  }
}

/** Starts a thread that hashes what comes through a ring, until it is ended. */
export function startHashThread(ring: RingMemory): Worker {
  return startThread(new URL("./hash-worker.ts", import.meta.url), { workerData: ring });
}

function start(): Thread {
  const memory = newRingMemory();
  const worker = startHashThread(memory);
  // A layer that is given up in the middle must not keep the process alive.
  worker.unref();
  return { worker, ring: new ChunkRing(memory) };
}
