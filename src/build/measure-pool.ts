/** Threads that measure layers. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, VarveError } from "../errors.ts";
import type { LayerRecipe } from "../fs/index.ts";
import { parseDigest } from "../oci/index.ts";
import { fingerprintKey } from "../util/index.ts";
import type { Measured } from "./measure.ts";

/** What a thread gets when it starts. */
export interface MeasureThreadData {
  readonly fingerprintKey: Uint8Array;
}

/** What a thread says of a recipe. */
export interface ThreadMeasured extends Omit<Measured, "diffId"> {
  /** In hexadecimal. */
  readonly sha256: string;
}

/** What a thread answers; errors lose their class on the way, so their parts are sent. */
export type MeasureAnswer =
  | { readonly measured: ThreadMeasured }
  | { readonly error: { readonly code: ErrorCode | undefined; readonly message: string } };

interface Job {
  readonly recipe: LayerRecipe;
  readonly resolve: (measured: Measured) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Measures recipes in several threads. The first thread takes them in order, so that whoever writes the layers can
 * begin at once; the others take the largest that is left, so that none is still being measured when all else is done.
 */
export class MeasurePool implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  readonly #running = new Map<Worker, Job>();
  readonly #inOrder: Job[] = [];
  readonly #bySize: Job[] = [];
  readonly #taken = new Set<Job>();

  /** The key of the layers' fingerprints. */
  readonly fingerprintKey = fingerprintKey();

  /** One promise for each recipe, in their order. */
  readonly measured: readonly Promise<Measured>[];

  constructor(recipes: readonly LayerRecipe[], { threads }: { threads: number }) {
    this.measured = recipes.map((recipe) => {
      const { promise, resolve, reject } = Promise.withResolvers<Measured>();
      this.#inOrder.push({ recipe, resolve, reject });
      // Each is awaited in its turn; until then a failure must not count as nobody's.
      promise.catch(() => {});
      return promise;
    });
    this.#bySize = this.#inOrder.toSorted((a, b) => b.recipe.items.length - a.recipe.items.length);
    this.#workers = Array.from({ length: Math.min(threads, recipes.length) }, () => this.#startWorker());
    for (const worker of this.#workers) this.#dispatch(worker);
  }

  /** Ends the threads, whatever they are doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #startWorker(): Worker {
    // The sources run as they are in development, and compiled elsewhere.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    const worker = new Worker(new URL(`./measure-worker.${extension}`, import.meta.url), {
      // Measuring makes short-lived objects only: more room for them would be memory for nothing.
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
      workerData: { fingerprintKey: this.fingerprintKey } satisfies MeasureThreadData,
    });
    worker.on("message", (answer: MeasureAnswer) => this.#finish(worker, answer));
    worker.on("error", (error) => this.#running.get(worker)?.reject(error));
    return worker;
  }

  #dispatch(worker: Worker): void {
    const queue = worker === this.#workers[0] ? this.#inOrder : this.#bySize;
    let job = queue.shift();
    while (job !== undefined && this.#taken.has(job)) job = queue.shift();
    if (job === undefined) return;
    this.#taken.add(job);
    this.#running.set(worker, job);
    worker.postMessage(job.recipe);
  }

  #finish(worker: Worker, answer: MeasureAnswer): void {
    const job = this.#running.get(worker)!;
    this.#running.delete(worker);
    this.#dispatch(worker);
    if ("error" in answer) {
      job.reject(revive(answer.error));
    } else {
      const { sha256, ...measured } = answer.measured;
      job.resolve({ ...measured, diffId: parseDigest(`sha256:${sha256}`, "a measured layer") });
    }
  }
}

function revive(error: { code: ErrorCode | undefined; message: string }): Error {
  return error.code === undefined ? new Error(error.message) : new VarveError(error.code, error.message);
}
