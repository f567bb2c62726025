/** Runs fuzz targets on seeds. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import type { Answer, Question } from "./worker.ts";

/** No seed takes a tenth of it. In milliseconds. */
const LONGEST = 120_000;

/** A seed that found something, and what. */
export interface Finding extends Question {
  readonly what: string;
}

/** A thread that tries seeds one after the other; it is started anew after a finding. */
export class Fuzzer implements AsyncDisposable {
  #worker: Worker | undefined;
  #temporary: string | undefined;
  /** Gets the answer to what was asked last. */
  #resolve: (finding: string | undefined) => void = () => {};

  /** Tries a target with a seed; undefined where that found nothing. */
  async try(question: Question): Promise<Finding | undefined> {
    this.#worker ??= this.#start();
    const answer = Promise.withResolvers<string | undefined>();
    this.#resolve = answer.resolve;
    const timer = setTimeout(() => answer.resolve(`it didn't end within ${LONGEST / 1000} s`), LONGEST);
    this.#worker.postMessage(question);
    const what = await answer.promise;
    clearTimeout(timer);
    if (what === undefined) return undefined;
    await this.#end();
    return { ...question, what };
  }

  #start(): Worker {
    this.#temporary = mkdtempSync(join(tmpdir(), "varve-fuzz-"));
    const worker = new Worker(new URL("./worker.ts", import.meta.url), {
      env: { ...process.env, TMPDIR: this.#temporary },
      resourceLimits: { maxOldGenerationSizeMb: 512 },
    });
    worker.on("message", ({ finding }: Answer) => this.#resolve(finding));
    worker.on("error", (error: Error) => this.#resolve(`the thread ended: ${error.stack ?? error}`));
    worker.on("exit", (code) => this.#resolve(`the thread ended with ${code}`));
    return worker;
  }

  async #end(): Promise<void> {
    await this.#worker?.terminate();
    this.#worker = undefined;
    if (this.#temporary !== undefined) rmSync(this.#temporary, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#end();
  }
}
