/** Threads that are asked and answer, and what is done in this one where none can be started. */
import { existsSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { parentPort, Worker } from "node:worker_threads";
import { type ErrorCode, VarveError } from "#errors";

/** What a thread finds as its `workerData`. */
export interface ThreadData {
  /** Which of the jobs in `thread.ts` it does. */
  readonly job: "measure" | "hash" | "compress";
  /** What the job is to know from the start. */
  readonly data?: unknown;
}

export interface ThreadOptions extends ThreadData {
  /** The most memory for what it keeps, in MiB: with little, what it leaves is collected soon. As much as it wants, by default. */
  readonly heap?: number;
  /** The module that the thread runs; varve's own by default. */
  readonly body?: () => URL;
}

/**
 * Starts a thread; it doesn't keep the process alive.
 * @returns undefined where none can be started: the module isn't there, as in a program that is bundled into one file, or
 *   the process may have no threads
 */
export function startThread({ job, data, heap, body = ownBody }: ThreadOptions): Worker | undefined {
  try {
    const file = body();
    if (!existsSync(file)) return undefined;
    const worker = new Worker(file, {
      // These threads make short-lived objects only: more room for them would be memory for nothing.
      resourceLimits: {
        maxYoungGenerationSizeMb: 4,
        ...(heap === undefined ? {} : { maxOldGenerationSizeMb: heap }),
      },
      // They print nothing; but a thread that could would make a pipe at our own stdout non-blocking.
      stdout: true,
      stderr: true,
      workerData: { job, data } satisfies ThreadData,
    });
    worker.unref();
    return worker;
  } catch {
    return undefined;
  }
}

/**
 * The sources run as they are in development; elsewhere all is in one folder. In a program that others bundle that folder
 * is theirs, so the file has a name that nothing else has.
 */
function ownBody(): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return new URL(isSource ? "../thread.ts" : "./varve-thread.js", import.meta.url);
}

/** What a thread says: first that it listens, then an answer for each request. Errors lose their class on the way. */
type Message<Answer> =
  | { readonly type: "ready" }
  | { readonly type: "answer"; readonly answer: Answer }
  | { readonly type: "failed"; readonly code: ErrorCode | undefined; readonly message: string };

/**
 * The body of a {@link Thread}: answers requests for ever.
 * @param handle makes the answer to a request, or throws
 * @param transfer what of an answer moves instead of being copied
 */
export function answerRequests<Request, Answer>(
  handle: (request: Request) => Answer,
  transfer: (answer: Answer) => ArrayBuffer[] = () => [],
): void {
  const port = parentPort!;
  const say = (message: Message<Answer>, moved: ArrayBuffer[] = []) => port.postMessage(message, moved);
  port.on("message", (request: Request) => {
    let answer: Answer;
    try {
      answer = handle(request);
    } catch (error) {
      const { message } = error as Error;
      say({ type: "failed", code: error instanceof VarveError ? error.code : undefined, message });
      return;
    }
    say({ type: "answer", answer }, transfer(answer));
  });
  say({ type: "ready" });
}

export interface AskedThreadOptions<Request, Answer> extends ThreadOptions {
  /** What answers requests in this thread where no other can be started; it must give the same answers. */
  readonly here: () => (request: Request) => Answer;
}

interface Question<Request, Answer> {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread that answers one request at a time. It keeps the process alive only while it is asked. */
export class Thread<Request, Answer> {
  readonly #worker: Worker | undefined;
  readonly #here: () => (request: Request) => Answer;
  #handle: ((request: Request) => Answer) | undefined;
  #question: Question<Request, Answer> | undefined;
  /** Whether the thread has said that it listens. */
  #ready = false;
  /** Why there will be no more answers. */
  #ended: Error | undefined;

  constructor({ here, ...options }: AskedThreadOptions<Request, Answer>) {
    this.#here = here;
    this.#worker = startThread(options);
    if (this.#worker === undefined) this.#handle = here();
    this.#worker?.on("message", (message: Message<Answer>) => this.#hear(message));
    this.#worker?.on("error", (error) => this.#lost(error));
    this.#worker?.on("exit", () => this.#lost(new Error("a thread ended before its work was done")));
  }

  /** Whether it answers no more. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Asks for an answer, when the one before has come. Rejects with what the handler throws, or if the thread ends. */
  ask(request: Request): Promise<Answer> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    if (this.#handle !== undefined) return answerHere(this.#handle, request);
    const { promise, resolve, reject } = Promise.withResolvers<Answer>();
    this.#question = { request, resolve, reject };
    this.#worker!.ref();
    try {
      this.#worker!.postMessage(request);
    } catch (error) {
      this.#take()!.reject(error);
    }
    return promise;
  }

  /** Ends the thread, whatever it is doing. */
  async end(): Promise<void> {
    this.#ended ??= new Error("the thread was ended");
    this.#take()?.reject(this.#ended);
    await this.#worker?.terminate();
  }

  #hear(message: Message<Answer>): void {
    // What comes while it is being ended must not let the process go before that is done.
    if (this.#ended !== undefined) return;
    if (message.type === "ready") {
      this.#ready = true;
      return;
    }
    const question = this.#take();
    if (message.type === "answer") question?.resolve(message.answer);
    else question?.reject(revive(message));
  }

  /** The thread has ended by itself: what it was asked fails, or is done here if it never listened. */
  #lost(error: Error): void {
    if (this.#ended !== undefined || this.#handle !== undefined) return;
    if (this.#ready) {
      this.#ended = error;
      this.#take()?.reject(error);
      return;
    }
    this.#handle = this.#here();
    const question = this.#take();
    if (question !== undefined) {
      answerHere(this.#handle, question.request).then(question.resolve, question.reject);
    }
  }

  #take(): Question<Request, Answer> | undefined {
    const question = this.#question;
    this.#question = undefined;
    this.#worker?.unref();
    return question;
  }
}

/** Between two answers others have their turn. */
async function answerHere<Request, Answer>(
  handle: (request: Request) => Answer,
  request: Request,
): Promise<Answer> {
  await setImmediate();
  return handle(request);
}

function revive({ code, message }: { code: ErrorCode | undefined; message: string }): Error {
  return code === undefined ? new Error(message) : new VarveError(code, message);
}
