/** One HTTP request and its answer, over Node's own client, with a limit to every wait. */
import type { Agent, ClientRequest, IncomingMessage } from "node:http";
import { nodeHttp } from "./node-http.ts";
import { PROGRESS_STEP, ProgressWatch } from "./progress.ts";

/** How long to wait for the peer, in milliseconds; without a limit for one that is left out. */
export interface Waits {
  /** Until there is a connection. */
  readonly connect?: number | undefined;
  /** From the end of the request until all headers of its answer are there. */
  readonly headers?: number | undefined;
  /** For each 64 KiB, or the rest, of a body either way. */
  readonly body?: number | undefined;
}

/** A request as it goes out. */
export interface Outgoing {
  readonly url: URL;
  readonly method: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Closed when the exchange ends. A chunk is let go of before the next is asked for. Without a Content-Length, it goes in HTTP's chunks. */
  readonly body?: Uint8Array | AsyncIterable<Uint8Array> | undefined;
  /** Holds the connections; by default the exchange uses one of its own and closes it. */
  readonly agent?: Agent | undefined;
  /** The unix socket to which the request goes; by default the URL's host and port. */
  readonly socketPath?: string | undefined;
  readonly waits?: Waits;
  readonly signal?: AbortSignal | undefined;
}

/** An answer whose body is not yet read. */
export interface Incoming {
  readonly status: number;
  /** By their names in lower case. */
  readonly headers: Readonly<Record<string, readonly string[] | undefined>>;
  readonly body: IncomingBody;
}

/** The body of an answer, to be read once. Reading throws {@link LineError}. */
export interface IncomingBody extends AsyncIterable<Uint8Array> {
  /** Cuts the connection off, for bodies that nobody wants. */
  destroy(): void;
}

/** A failure of the connection or of what came over it; not one of the request's own body. */
export class LineError extends Error {
  /** Of the system, of TLS, of the HTTP parser (`HPE_…`), or `CONNECT_TIMEOUT`, `HEADERS_TIMEOUT`, `BODY_TIMEOUT`. */
  readonly code: string | undefined;
  /** Whether there was a connection. */
  readonly connected: boolean;

  constructor(cause: unknown, connected: boolean) {
    const { code, message } = cause as Partial<NodeJS.ErrnoException>;
    super(message ?? String(cause), { cause });
    this.code = typeof code === "string" ? code : undefined;
    this.connected = connected;
  }
}

/** How many bytes an answer's headers may have; more end the exchange with `HPE_HEADER_OVERFLOW`. */
const MAX_HEADERS = 64 * 1024;

/**
 * Sends a request. Resolves when the answer's headers are there, whatever its status. A body that isn't sent by then goes on
 * being sent until the answer has been read or is destroyed.
 * @throws LineError for failures of the connection, or when the signal fires; and whatever the request's body throws
 */
export async function exchange(outgoing: Outgoing): Promise<Incoming> {
  const { url, method, headers, agent, socketPath, waits = {}, signal } = outgoing;
  const { request } = nodeHttp(url.protocol === "https:");
  const sent: ClientRequest = request(url, {
    method,
    headers,
    agent: agent ?? false,
    socketPath,
    maxHeaderSize: MAX_HEADERS,
  });
  return await new Exchange(sent, waits, signal).run(outgoing.body);
}

class Exchange {
  readonly #request: ClientRequest;
  readonly #waits: Waits;
  readonly #signal: AbortSignal | undefined;
  readonly #answered = Promise.withResolvers<IncomingMessage>();
  #connected = false;
  /** Whether nothing more is to be sent. */
  #over = false;
  /** What the request's own body threw after the answer had begun. */
  #bodyFailure: { readonly error: unknown } | undefined;
  #answer: IncomingMessage | undefined;
  /** Ends the waiting for a step of sending. */
  #wake: (() => void) | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(request: ClientRequest, waits: Waits, signal: AbortSignal | undefined) {
    this.#request = request;
    this.#waits = waits;
    this.#signal = signal;
  }

  async run(body: Outgoing["body"]): Promise<Incoming> {
    const request = this.#request;
    request.once("response", (answer: IncomingMessage) => {
      clearTimeout(this.#timer);
      this.#answer = answer.on("error", () => {});
      this.#answered.resolve(answer);
    });
    // The listener stays to the end: a connection may break after everything useful has come.
    request.on("error", (error) => this.#reject(new LineError(error, this.#connected)));
    request.once("close", () =>
      this.#reject(new LineError(failure("ECONNRESET", "the connection was closed"), this.#connected)),
    );
    this.#signal?.addEventListener("abort", this.#abort, { once: true });
    if (this.#signal?.aborted) this.#abort();
    this.#send(body).catch((error) => {
      // The failure is set before the connection is cut, since cutting it is another failure.
      this.#bodyFailure = { error };
      this.#reject(error);
      request.destroy();
    });
    try {
      const answer = await this.#answered.promise;
      return {
        status: answer.statusCode ?? 0,
        headers: answer.headersDistinct,
        body: {
          [Symbol.asyncIterator]: () => this.#read(answer),
          destroy: () => {
            this.#end();
            answer.destroy();
          },
        },
      };
    } catch (error) {
      this.#end();
      request.destroy();
      throw error;
    }
  }

  #reject(error: unknown): void {
    this.#answered.reject(error);
    this.#end();
  }

  #end(): void {
    this.#over = true;
    clearTimeout(this.#timer);
    this.#wake?.();
    this.#signal?.removeEventListener("abort", this.#abort);
  }

  readonly #abort = () => this.#fail("ABORT_ERR", "the operation was cancelled");

  #fail(code: string, message: string): void {
    const error = failure(code, message);
    if (this.#answer === undefined) this.#request.destroy(error);
    else this.#answer.destroy(error);
  }

  /** Ends the exchange unless the next step comes in time. */
  #limit(milliseconds: number | undefined, code: string): void {
    clearTimeout(this.#timer);
    if (milliseconds === undefined || this.#over || this.#answer !== undefined) return;
    this.#timer = setTimeout(() => this.#fail(code, "the time limit was reached"), milliseconds);
  }

  async #send(body: Outgoing["body"]): Promise<void> {
    const request = this.#request;
    this.#limit(this.#waits.connect, "CONNECT_TIMEOUT");
    // A small body goes along with the headers.
    const isSmall = body === undefined || (body instanceof Uint8Array && body.length <= PROGRESS_STEP);
    if (isSmall) request.end(body);
    await this.#step((done) => whenConnected(request, done));
    if (this.#over) return;
    this.#connected = true;
    clearTimeout(this.#timer);
    if (!isSmall) {
      await this.#sendChunks(body instanceof Uint8Array ? only(body) : body);
      if (this.#over) return;
      request.end();
    }
    this.#limit(this.#waits.headers, "HEADERS_TIMEOUT");
  }

  async #sendChunks(chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const watch = new ProgressWatch(this.#waits.body, () =>
      this.#fail("BODY_TIMEOUT", "the time limit was reached"),
    );
    try {
      for await (const chunk of chunks) {
        for (let at = 0; at < chunk.length && !this.#over; at += PROGRESS_STEP) {
          const piece = chunk.subarray(at, at + PROGRESS_STEP);
          watch.waiting = true;
          // When the chunk is written its memory is free again, so nothing needs to be copied.
          await this.#step((done) => this.#request.write(piece, done));
          watch.waiting = false;
          watch.count(piece.length);
        }
        if (this.#over) return;
      }
    } finally {
      watch.stop();
    }
  }

  /** Waits until a step is done, or everything is over. */
  async #step(begin: (done: () => void) => void): Promise<void> {
    if (this.#over) return;
    await new Promise<void>((resolve) => {
      this.#wake = resolve;
      begin(resolve);
    });
    this.#wake = undefined;
  }

  async *#read(answer: IncomingMessage): AsyncGenerator<Uint8Array, void, void> {
    const watch = new ProgressWatch(this.#waits.body, () =>
      this.#fail("BODY_TIMEOUT", "the time limit was reached"),
    );
    try {
      watch.waiting = true;
      for await (const chunk of answer as AsyncIterable<Uint8Array>) {
        watch.waiting = false;
        watch.count(chunk.length);
        yield chunk;
        watch.waiting = true;
      }
    } catch (error) {
      throw this.#bodyFailure === undefined ? new LineError(error, true) : this.#bodyFailure.error;
    } finally {
      watch.stop();
      this.#end();
      // If a server answers before it has read everything, the connection can't be used again.
      if (!answer.complete || !this.#request.writableFinished) this.#request.destroy();
    }
  }
}

async function* only(bytes: Uint8Array): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

function whenConnected(request: ClientRequest, then: () => void): void {
  request.once("socket", (socket) => {
    const isSecuring = (socket as Partial<{ secureConnecting: boolean }>).secureConnecting ?? false;
    if (isSecuring) socket.once("secureConnect", then);
    else if (socket.connecting) socket.once("connect", then);
    else then();
  });
}

function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}
