/** Threads that measure layers. */
import { Worker } from "node:worker_threads";
import { type ErrorCode, VarveError } from "../errors.ts";
import type { LayerRecipe } from "../fs/index.ts";
import type { Measured } from "./measure.ts";

/** What a thread answers; errors lose their class on the way, so their parts are sent. */
export type MeasureAnswer =
  | { readonly measured: Measured }
  | { readonly error: { readonly code: ErrorCode | undefined; readonly message: string } };

interface Job {
  readonly recipe: LayerRecipe;
  readonly resolve: (measured: Measured) => void;
  readonly reject: (error: unknown) => void;
}

/** A fixed number of threads, each measuring one recipe at a time, first come, first served. */
export class MeasurePool implements AsyncDisposable {
  readonly #workers: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #running = new Map<Worker, Job>();
  readonly #waiting: Job[] = [];

  constructor(threads: number) {
    // The sources run as they are in development, and compiled elsewhere.
    const extension = import.meta.url.endsWith(".ts") ? "ts" : "js";
    for (let n = 0; n < threads; n++) {
      const worker = new Worker(new URL(`./measure-worker.${extension}`, import.meta.url));
      worker.on("message", (answer: MeasureAnswer) => this.#finish(worker, answer));
      worker.on("error", (error) => this.#running.get(worker)?.reject(error));
      this.#workers.push(worker);
      this.#idle.push(worker);
    }
  }

  measure(recipe: LayerRecipe): Promise<Measured> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ recipe, resolve, reject });
      this.#dispatch();
    });
  }

  /** Ends the threads, whatever they are doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.terminate()));
  }

  #dispatch(): void {
    while (this.#idle.length > 0 && this.#waiting.length > 0) {
      const worker = this.#idle.pop()!;
      const job = this.#waiting.shift()!;
      this.#running.set(worker, job);
      worker.postMessage(job.recipe);
    }
  }

  #finish(worker: Worker, answer: MeasureAnswer): void {
    const job = this.#running.get(worker)!;
    this.#running.delete(worker);
    this.#idle.push(worker);
    this.#dispatch();
    if ("measured" in answer) job.resolve(answer.measured);
    else job.reject(revive(answer.error));
  }
}

function revive(error: { code: ErrorCode | undefined; message: string }): Error {
  return error.code === undefined ? new Error(error.message) : new VarveError(error.code, error.message);
}
