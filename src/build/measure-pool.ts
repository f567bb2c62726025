/** Threads that measure layers. */
import { Worker } from "node:worker_threads";
import type { DigestCache, LayerKey } from "../cache/index.ts";
import { type ErrorCode, VarveError } from "../errors.ts";
import type { LayerRecipe, TreeListing } from "../fs/index.ts";
import { type Digest, parseDigest } from "../oci/index.ts";
import { fingerprintKey } from "../util/index.ts";
import { newRingMemory, type RingMemory } from "./chunk-ring.ts";
import { recipeKey } from "./layer-key.ts";

/** What is known of a recipe's layer. */
export interface Measured {
  readonly diffId: Digest;
  /** The uncompressed archive's length in bytes. */
  readonly size: number;
  /** Tells whether the bytes are the same when the layer is packed again; absent for what only the cache says. */
  readonly fingerprint?: string;
  /** The trees as they were listed, so that writing needn't list them again; absent where nobody has listed them. */
  readonly listings?: readonly TreeListing[];
  /** Under which the cache has it. */
  readonly key?: LayerKey | undefined;
  /** Whether the key means the same on every machine. */
  readonly portable: boolean;
}

/** What a thread gets when it starts. */
export interface MeasureThreadData {
  readonly fingerprintKey: Uint8Array;
  /** The way to a thread that hashes; without one it hashes itself. */
  readonly ring: RingMemory | undefined;
}

/** What a thread is asked: to measure a recipe; to list its trees and wait; or to measure what it listed. */
export type MeasureRequest =
  | { readonly type: "measure"; readonly recipe: LayerRecipe }
  | { readonly type: "list"; readonly recipe: LayerRecipe }
  | { readonly type: "measure-listed" };

/** What a thread answers; errors lose their class on the way, so their parts are sent. */
export type MeasureAnswer =
  | { readonly type: "listed"; readonly listings: readonly TreeListing[] }
  | {
      readonly type: "measured";
      /** In hexadecimal. */
      readonly sha256: string;
      readonly size: number;
      readonly fingerprint: string;
      /** Unless they were sent before. */
      readonly listings?: readonly TreeListing[];
    }
  | { readonly type: "failed"; readonly code: ErrorCode | undefined; readonly message: string };

export interface MeasurePoolOptions {
  /** How many threads pack and hash. */
  readonly threads: number;
  readonly cache?: DigestCache | undefined;
}

interface Job {
  readonly recipe: LayerRecipe;
  readonly resolve: (measured: Measured) => void;
  readonly reject: (error: unknown) => void;
  /** Whether the key rests on NAR hashes alone. */
  readonly portable: boolean;
  key: LayerKey | undefined;
  /** When a thread was asked to list it, by the cache's clock. */
  askedAt: number;
  /** Whether what is measured may be kept. */
  settled: boolean;
  listings: readonly TreeListing[] | undefined;
}

/** A file that changed this little before it was listed could change again without its times telling, in milliseconds. */
const UNSETTLED = 2000;

/**
 * Measures recipes in several threads, those excepted that the cache knows. The first thread takes them in order, so that
 * whoever writes the layers can begin at once; the others take the largest that is left, so that none is still being
 * measured when all else is done.
 */
export class MeasurePool implements AsyncDisposable {
  readonly #options: MeasurePoolOptions;
  readonly #workers: Worker[] = [];
  readonly #hashers: Worker[] = [];
  readonly #running = new Map<Worker, Job>();
  readonly #inOrder: Job[] = [];
  readonly #bySize: Job[] = [];
  readonly #taken = new Set<Job>();

  /** The key of the layers' fingerprints. */
  readonly fingerprintKey = fingerprintKey();

  /** One promise for each recipe, in their order. */
  readonly measured: readonly Promise<Measured>[];

  constructor(recipes: readonly LayerRecipe[], options: MeasurePoolOptions) {
    this.#options = options;
    this.measured = recipes.map((recipe) => this.#enqueue(recipe));
    this.#bySize = this.#inOrder.toSorted((a, b) => b.recipe.items.length - a.recipe.items.length);
    const threads = Math.min(options.threads, this.#inOrder.length);
    for (let n = 0; n < threads; n++) this.#workers.push(this.#startWorker());
    for (const worker of this.#workers) this.#dispatch(worker);
  }

  /** Ends the threads, whatever they are doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#workers, ...this.#hashers].map((worker) => worker.terminate()));
  }

  /** Looks a recipe up, or makes a job of it. */
  #enqueue(recipe: LayerRecipe): Promise<Measured> {
    const { cache } = this.#options;
    const key = cache && recipeKey(recipe);
    const portable = key !== undefined;
    const known = key && cache?.layer(key);
    if (known) return Promise.resolve({ diffId: known.diffId, size: known.size, key, portable });
    const { promise, resolve, reject } = Promise.withResolvers<Measured>();
    const job = { recipe, resolve, reject, portable, key, settled: portable };
    this.#inOrder.push({ ...job, askedAt: 0, listings: undefined });
    // Each is awaited in its turn; until then a failure must not count as nobody's.
    promise.catch(() => {});
    return promise;
  }

  /**
   * Starts a thread that measures. All but the first, which have the large layers, are given another thread that hashes
   * what they pack: a layer that is most of the image would else keep one core busy and the others waiting.
   */
  #startWorker(): Worker {
    const ring = this.#workers.length === 0 ? undefined : newRingMemory();
    const data: MeasureThreadData = { fingerprintKey: this.fingerprintKey, ring };
    const worker = startThread("measure-worker", data);
    worker.on("message", (answer: MeasureAnswer) => this.#hear(worker, answer));
    const threads = [worker];
    if (ring !== undefined) {
      const hasher = startThread("hash-worker", ring);
      this.#hashers.push(hasher);
      threads.push(hasher);
    }
    for (const thread of threads) thread.on("error", (error) => this.#running.get(worker)?.reject(error));
    return worker;
  }

  #dispatch(worker: Worker): void {
    const queue = worker === this.#workers[0] ? this.#inOrder : this.#bySize;
    let job = queue.shift();
    while (job !== undefined && this.#taken.has(job)) job = queue.shift();
    if (job === undefined) {
      this.#running.delete(worker);
      return;
    }
    this.#taken.add(job);
    this.#running.set(worker, job);
    const { cache } = this.#options;
    const listFirst = cache !== undefined && !job.portable;
    if (listFirst) job.askedAt = cache.now();
    this.#ask(worker, { type: listFirst ? "list" : "measure", recipe: job.recipe });
  }

  #ask(worker: Worker, request: MeasureRequest): void {
    worker.postMessage(request);
  }

  #hear(worker: Worker, answer: MeasureAnswer): void {
    const job = this.#running.get(worker)!;
    if (answer.type === "listed" && !this.#knows(job, answer.listings)) {
      this.#ask(worker, { type: "measure-listed" });
      return;
    }
    this.#dispatch(worker);
    if (answer.type === "measured") this.#measured(job, answer);
    else if (answer.type === "failed") job.reject(revive(answer));
  }

  /** Looks up a recipe whose trees have been listed. */
  #knows(job: Job, listings: readonly TreeListing[]): boolean {
    const { cache } = this.#options;
    const { recipe, portable } = job;
    const lastChange = Math.max(...listings.map((listing) => listing.identity?.lastChange ?? 0));
    job.listings = listings;
    job.key = recipeKey(recipe, listings);
    // Listing may take long; what counts is how old the change was when it was seen.
    job.settled = lastChange < job.askedAt - UNSETTLED;
    const known = job.key && cache?.layer(job.key);
    if (!known) return false;
    job.resolve({ diffId: known.diffId, size: known.size, listings, key: job.key, portable });
    return true;
  }

  #measured(job: Job, answer: MeasureAnswer & { type: "measured" }): void {
    const { key, portable, settled } = job;
    const { size, fingerprint } = answer;
    const listings = answer.listings ?? job.listings ?? [];
    const diffId = parseDigest(`sha256:${answer.sha256}`, "a measured layer");
    if (key !== undefined && settled) this.#options.cache?.putLayer(key, { diffId, size, portable });
    job.resolve({ diffId, size, fingerprint, listings, key, portable });
  }
}

function startThread(name: string, workerData: unknown): Worker {
  // The sources run as they are in development, and compiled elsewhere.
  const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
  return new Worker(new URL(`./${name}.${extension}`, import.meta.url), {
    // These threads make short-lived objects only: more room for them would be memory for nothing.
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
    // They print nothing; but a thread that could would make a pipe at our own stdout non-blocking.
    stdout: true,
    stderr: true,
    workerData,
  });
}

function revive({ code, message }: { code: ErrorCode | undefined; message: string }): Error {
  return code === undefined ? new Error(message) : new VarveError(code, message);
}
