/** Threads that measure layers. */
import type { Worker } from "node:worker_threads";
import { type ErrorCode, VarveError } from "../errors.ts";
import type { LayerRecipe, SmallFiles, TreeListing } from "../fs/index.ts";
import type { Layer } from "../image/index.ts";
import { parseDigest } from "../oci/index.ts";
import { fingerprintKey, startThread } from "../util/index.ts";
import { newRingMemory, type RingMemory } from "./chunk-ring.ts";
import { type HashThreads, startHashThread } from "./hash-threads.ts";
import { cachedLayer, measuredLayer } from "./recipe-layer.ts";
import type { RecipeRecord } from "./recipe-record.ts";

/**
 * The most bytes of small files, of all layers together, that stay in memory from when a layer is measured until it is
 * written.
 */
const KEEP_LIMIT = 8 * 1024 * 1024;

/** What a thread gets when it starts. */
export interface MeasureThreadData {
  readonly fingerprintKey: Uint8Array;
  /** The way to a thread that hashes; without one it hashes itself. */
  readonly ring: RingMemory | undefined;
}

/**
 * What a thread is asked: to measure a recipe; to list its trees and wait; or to measure what it listed. Who measures may
 * keep `keepLimit` bytes of small files for when the layer is written.
 */
export type MeasureRequest =
  | { readonly type: "measure"; readonly recipe: LayerRecipe; readonly keepLimit: number }
  | { readonly type: "list"; readonly recipe: LayerRecipe }
  | { readonly type: "measure-listed"; readonly keepLimit: number };

/** What a thread answers; errors lose their class on the way, so their parts are sent. */
export type MeasureAnswer =
  | { readonly type: "listed"; readonly listings: readonly TreeListing[] }
  | {
      readonly type: "measured";
      /** In hexadecimal. */
      readonly sha256: string;
      readonly size: number;
      readonly fingerprint: string;
      readonly kept: SmallFiles;
      /** Unless they were sent before. */
      readonly listings?: readonly TreeListing[];
    }
  | { readonly type: "failed"; readonly code: ErrorCode | undefined; readonly message: string };

export interface MeasurePoolOptions {
  /** How many threads pack and hash. */
  readonly threads: number;
  /** For the layers that needn't be measured. */
  readonly hashThreads: HashThreads;
}

interface Job {
  readonly record: RecipeRecord;
  readonly resolve: (layer: Layer) => void;
  readonly reject: (error: unknown) => void;
  listings: readonly TreeListing[] | undefined;
  /** How much of the room for small files is taken for it. */
  room: number;
}

/**
 * Measures recipes in several threads, those excepted that the cache knows. The first thread takes them in order, so that
 * whoever writes the layers can begin at once; the others take the largest that is left, so that none is still being
 * measured when all else is done.
 */
export class MeasurePool implements AsyncDisposable {
  readonly #options: MeasurePoolOptions;
  readonly #workers: Worker[] = [];
  /** The rings of the threads that have another to hash what they pack, and who serves them; started when it is needed. */
  readonly #rings = new Map<Worker, RingMemory>();
  readonly #hashers = new Map<Worker, Worker>();
  readonly #running = new Map<Worker, Job>();
  readonly #inOrder: Job[] = [];
  readonly #bySize: Job[] = [];
  readonly #taken = new Set<Job>();

  readonly #fingerprintKey = fingerprintKey();

  /** What is left of the room for small files, in bytes. */
  #room = KEEP_LIMIT;

  /** One layer for each recipe, in their order. */
  readonly layers: readonly Promise<Layer>[];

  constructor(records: readonly RecipeRecord[], options: MeasurePoolOptions) {
    this.#options = options;
    this.layers = records.map((record) => this.#enqueue(record));
    this.#bySize = this.#inOrder.toSorted(
      (a, b) => b.record.recipe.items.length - a.record.recipe.items.length,
    );
    const threads = Math.min(options.threads, this.#inOrder.length);
    for (let n = 0; n < threads; n++) this.#workers.push(this.#startWorker());
    for (const worker of this.#workers) this.#dispatch(worker);
  }

  /** Ends the threads, whatever they are doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => this.#end(worker)));
  }

  async #end(worker: Worker): Promise<void> {
    // What it has answered in the meantime must not have it asked for more, or another thread started.
    worker.removeAllListeners("message");
    await Promise.all([worker.terminate(), this.#hashers.get(worker)?.terminate()]);
  }

  /** Looks a recipe up, or makes a job of it. */
  #enqueue(record: RecipeRecord): Promise<Layer> {
    const known = record.known();
    if (known) return Promise.resolve(cachedLayer(record, known, this.#options.hashThreads));
    const { promise, resolve, reject } = Promise.withResolvers<Layer>();
    this.#inOrder.push({ record, resolve, reject, listings: undefined, room: 0 });
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
    const data: MeasureThreadData = { fingerprintKey: this.#fingerprintKey, ring };
    const worker = startThread(new URL("./measure-worker.ts", import.meta.url), { workerData: data });
    worker.on("message", (answer: MeasureAnswer) => this.#hear(worker, answer));
    worker.on("error", (error) => this.#running.get(worker)?.reject(error));
    if (ring !== undefined) this.#rings.set(worker, ring);
    return worker;
  }

  #dispatch(worker: Worker): void {
    const queue = worker === this.#workers[0] ? this.#inOrder : this.#bySize;
    let job = queue.shift();
    while (job !== undefined && this.#taken.has(job)) job = queue.shift();
    if (job === undefined) {
      this.#running.delete(worker);
      // Its memory is of use to the layers that others are still measuring, and to who writes them.
      void this.#end(worker);
      return;
    }
    this.#taken.add(job);
    this.#running.set(worker, job);
    const { record } = job;
    record.beginListing();
    const { recipe, needsListing } = record;
    if (needsListing) this.#ask(worker, { type: "list", recipe });
    else this.#ask(worker, { type: "measure", recipe, keepLimit: this.#takeRoom(worker, job) });
  }

  /** Takes of the room that is left: most for the large layers, and never all, so that whoever asks next finds some, too. */
  #takeRoom(worker: Worker, job: Job): number {
    job.room = Math.floor(this.#room * (worker === this.#workers[0] ? 0.25 : 0.75));
    this.#room -= job.room;
    return job.room;
  }

  #ask(worker: Worker, request: MeasureRequest): void {
    const ring = this.#rings.get(worker);
    if (request.type !== "list" && ring !== undefined && !this.#hashers.has(worker)) {
      const hasher = startHashThread(ring);
      hasher.on("error", (error) => this.#running.get(worker)?.reject(error));
      this.#hashers.set(worker, hasher);
    }
    worker.postMessage(request);
  }

  #hear(worker: Worker, answer: MeasureAnswer): void {
    const job = this.#running.get(worker)!;
    if (answer.type === "listed" && !this.#knows(job, answer.listings)) {
      this.#ask(worker, { type: "measure-listed", keepLimit: this.#takeRoom(worker, job) });
      return;
    }
    this.#dispatch(worker);
    if (answer.type === "measured") this.#measured(job, answer);
    else if (answer.type === "failed") job.reject(revive(answer));
  }

  /** Looks up a recipe whose trees have been listed. */
  #knows(job: Job, listings: readonly TreeListing[]): boolean {
    job.listings = listings;
    job.record.listed(listings);
    const known = job.record.known();
    if (known) job.resolve(cachedLayer(job.record, { ...known, listings }, this.#options.hashThreads));
    return known !== undefined;
  }

  #measured(job: Job, answer: MeasureAnswer & { type: "measured" }): void {
    const { record, resolve } = job;
    const { size, kept } = answer;
    const diffId = parseDigest(`sha256:${answer.sha256}`, "a measured layer");
    record.keep({ diffId, size });
    const listings = answer.listings ?? job.listings ?? [];
    const fingerprint = { key: this.#fingerprintKey, value: answer.fingerprint };
    this.#room += job.room - kept.bytes.length;
    const giveBack = () => {
      this.#room += kept.bytes.length;
      // At once, and not when it is collected.
      kept.bytes.buffer.transfer(0);
    };
    resolve(measuredLayer(record, { diffId, size, listings, fingerprint, kept, giveBack }));
  }
}

function revive({ code, message }: { code: ErrorCode | undefined; message: string }): Error {
  return code === undefined ? new Error(message) : new VarveError(code, message);
}
