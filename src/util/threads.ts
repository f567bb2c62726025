/** Threads that answer requests, and what does the work in this thread if none can be started. */
import { existsSync } from "node:fs";
import { setImmediate } from "node:timers/promises";
import { parentPort, Worker } from "node:worker_threads";
import { type ErrorCode, VarveError } from "#errors";

export interface ThreadOptions {
  /** Which of the bodies in `threads/` the thread has. */
  readonly job: "measure" | "hash" | "compress" | "list";
  /** What it has to know from the start: its `workerData`. */
  readonly data?: unknown;
  /** A limit for the memory of objects that it keeps, in MiB. With a low one, garbage is collected soon. By default there is none. */
  readonly heap?: number;
  /** The module that the thread runs; varve's own by default. */
  readonly body?: () => URL;
}

/**
 * Starts a thread; it doesn't keep the process alive.
 * @returns undefined where none can be started: the module isn't there, as in a program that is bundled into one file, or
 *   the process may have no threads
 */
export function startThread({
  job,
  data,
  heap,
  body = () => ownBody(job),
}: ThreadOptions): Worker | undefined {
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
      workerData: data,
    });
    worker.unref();
    return worker;
  } catch {
    return undefined;
  }
}

/**
 * In development the sources run as they are; in the built package everything is in one folder. A program that is bundled
 * has a folder of its own, so the files have names that no other program uses.
 */
function ownBody(job: ThreadOptions["job"]): URL {
  const isSource = import.meta.url.endsWith(".ts");
  return new URL(isSource ? `../threads/${job}.ts` : `./varve-thread-${job}.js`, import.meta.url);
}

/** The messages of a thread: first that it is ready, then an answer to each request. Errors lose their class on the way. */
type Message<Answer> =
  | { readonly type: "ready" }
  | { readonly type: "answer"; readonly answer: Answer }
  | { readonly type: "failed"; readonly code: ErrorCode | undefined; readonly message: string };

type Handler<Request, Answer> = (request: Request) => Answer | Promise<Answer>;

/**
 * The body of a {@link Thread}: answers requests for ever.
 * @param handle makes the answer to a request, or throws
 * @param transfer the memory in an answer that is moved instead of copied
 */
export function answerRequests<Request, Answer>(
  handle: Handler<Request, Answer>,
  transfer: (answer: Answer) => ArrayBuffer[] = () => [],
): void {
  const port = parentPort!;
  const say = (message: Message<Answer>, moved: ArrayBuffer[] = []) => port.postMessage(message, moved);
  port.on("message", async (request: Request) => {
    let answer: Answer;
    try {
      answer = await handle(request);
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
  /** Answers requests in this thread if no other can be started. It must give the same answers. */
  readonly here: () => Handler<Request, Answer>;
  /** Whether requests are worth a thread; by default they are. */
  readonly isWorthIt?: boolean;
}

interface Question<Request, Answer> {
  readonly request: Request;
  readonly resolve: (answer: Answer) => void;
  readonly reject: (error: unknown) => void;
}

/** A thread that answers one request at a time. It keeps the process alive only while it is asked. */
export class Thread<Request, Answer> {
  readonly #worker: Worker | undefined;
  readonly #here: () => Handler<Request, Answer>;
  #handle: Handler<Request, Answer> | undefined;
  #question: Question<Request, Answer> | undefined;
  /** Whether the thread has said that it is ready. */
  #ready = false;
  /** Why there will be no more answers. */
  #ended: Error | undefined;

  constructor({ here, isWorthIt = true, ...options }: AskedThreadOptions<Request, Answer>) {
    this.#here = here;
    this.#worker = isWorthIt ? startThread(options) : undefined;
    if (this.#worker === undefined) this.#handle = here();
    this.#worker?.on("message", (message: Message<Answer>) => this.#hear(message));
    this.#worker?.on("error", (error) => this.#lost(error));
    this.#worker?.on("exit", () => this.#lost(new Error("a thread ended before its work was done")));
  }

  /** Whether it answers no more. */
  get ended(): boolean {
    return this.#ended !== undefined;
  }

  /** Sends a request once the answer to the one before has come. Rejects with what the handler throws, or if the thread ends. */
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
    // An answer that comes while the thread is being ended must not let the process exit before it has ended.
    if (this.#ended !== undefined) return;
    if (message.type === "ready") {
      this.#ready = true;
      return;
    }
    const question = this.#take();
    if (message.type === "answer") question?.resolve(message.answer);
    else question?.reject(revive(message));
  }

  /** The thread has ended by itself. Its request fails, or is answered here if the thread was never ready. */
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

/** Lets other work run between two answers. */
async function answerHere<Request, Answer>(
  handle: Handler<Request, Answer>,
  request: Request,
): Promise<Answer> {
  await setImmediate();
  return handle(request);
}

function revive({ code, message }: { code: ErrorCode | undefined; message: string }): Error {
  return code === undefined ? new Error(message) : new VarveError(code, message);
}
