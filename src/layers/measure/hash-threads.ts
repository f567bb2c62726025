/** Threads that hash what the main thread reads, since hashing takes longer than anything else that it does to a layer's bytes. */
import type { Worker } from "node:worker_threads";
import { startThread } from "#util";
import { ChunkRing, newRingMemory, type RingMemory } from "./chunk-ring.ts";
import { InlineHasher, type LayerHasher } from "./layer-hasher.ts";

/** How many bytes are hashed before the first thread is started: that takes longer, and after a small change there is no more. */
const BEFORE_THREADS = 4 * 1024 * 1024;

/** A hasher that is lent to one layer. */
export interface LentHasher extends Disposable {
  readonly hasher: LayerHasher;
}

/** A thread that takes chunks out of a ring. */
export class HashThread {
  readonly #worker: Worker;
  /** Whether it has ended by itself. */
  #lost = false;

  private constructor(worker: Worker) {
    this.#worker = worker;
    // Without a listener the error would end the process. Whoever waits for the ring notices by its own time limit.
    worker.on("error", () => {});
    worker.on("exit", () => {
      this.#lost = true;
    });
  }

  /** @returns undefined where no thread can be started */
  static start(ring: RingMemory): HashThread | undefined {
    const worker = startThread({ job: "hash", data: ring });
    return worker && new HashThread(worker);
  }

  get lost(): boolean {
    return this.#lost;
  }

  async end(): Promise<void> {
    await this.#worker.terminate();
  }
}

interface Lendable {
  readonly thread: HashThread;
  readonly ring: ChunkRing;
}

/** Lends hashers to layers that are read at the same time. */
export class HashThreads implements Disposable {
  readonly #limit: number;
  #free: Lendable[] = [];
  #lent = 0;
  /** How many bytes may still be hashed without a thread while there is none. */
  #here = BEFORE_THREADS;
  #closed = false;

  /** @param limit how many threads there are at most; further layers are hashed in the thread that reads them */
  constructor(limit: number) {
    this.#limit = limit;
  }

  /** @param size how many bytes the layer has, about */
  lend(size: number): LentHasher {
    this.#free = this.#free.filter(({ thread }) => !thread.lost);
    const lent =
      this.#lent >= this.#limit || this.#takesHere(size) ? undefined : (this.#free.pop() ?? start());
    if (lent === undefined) return { hasher: new InlineHasher(), [Symbol.dispose]() {} };
    this.#lent++;
    return {
      hasher: lent.ring,
      [Symbol.dispose]: () => {
        this.#lent--;
        if (this.#closed || lent.ring.broken) void lent.thread.end();
        else this.#free.push(lent);
      },
    };
  }

  #takesHere(size: number): boolean {
    const isHere = this.#lent + this.#free.length === 0 && size <= this.#here;
    if (isHere) this.#here -= size;
    return isHere;
  }

  /** Ends the threads that nobody uses, and from then on each as soon as nobody uses it. */
  [Symbol.dispose](): void {
    this.#closed = true;
    for (const { thread } of this.#free.splice(0)) void thread.end();
  }
}

function start(): Lendable | undefined {
  const memory = newRingMemory();
  const thread = HashThread.start(memory);
  return thread && { thread, ring: new ChunkRing(memory) };
}
