/** The requests of the Docker Engine API (version 1.41 and its neighbours) that bring images in and out. */
import { cancelled, reasonOf, VarveError } from "#errors";
import { collect, exchange, type Incoming, LineError, type Waits } from "#util";
import { type Endpoint, parseDockerHost } from "./host.ts";
import { readProgress, refusalIn } from "./progress.ts";

/** A refusal is one sentence. */
const MAX_REFUSAL_SIZE = 64 * 1024;

/** What an engine says of itself and its images has less. */
const MAX_ANSWER_SIZE = 32 * 1024 * 1024;

/** How long to wait for a question that needn't be answered, in milliseconds. */
const QUESTION_WAITS = { connect: 10_000, headers: 10_000, body: 10_000 };

interface Request {
  readonly method: "GET" | "POST" | "DELETE";
  readonly path: string;
  /** Says what the daemon should do, for errors. */
  readonly what: string;
  readonly body?: AsyncGenerator<Uint8Array, void, void>;
  readonly signal?: AbortSignal | undefined;
  /** How long the daemon may take; it answers only when it has written gigabytes, so by default however long that takes. */
  readonly waits?: Waits;
}

/** Talks to one daemon, with a connection for each request. */
export class DaemonClient {
  readonly #endpoint: Endpoint;

  /** @throws VarveError `USAGE` for a host that varve doesn't speak to */
  constructor(host: string) {
    this.#endpoint = parseDockerHost(host);
  }

  /**
   * Loads a docker-archive while it is made. When it returns or throws, the archive is closed.
   * @throws VarveError `DAEMON`, `NETWORK`, `ABORTED`; and whatever the archive throws
   */
  async load(archive: AsyncIterable<Uint8Array>, signal?: AbortSignal): Promise<void> {
    const body = passed(archive);
    const what = "load the image";
    try {
      await this.#ask({ method: "POST", path: "/images/load?quiet=1", what, body, signal }, (answer) =>
        readProgress(answer.body, what),
      );
    } finally {
      // If the connection breaks, nothing asks for the rest.
      await body.return();
    }
  }

  /**
   * Hands over the docker-archive of one image as the daemon makes it.
   * @param image a name, a name with a digest, or an ID
   * @throws VarveError `IMAGE_NOT_FOUND`, `DAEMON`, `NETWORK`, `ABORTED`; and whatever `take` throws
   */
  async save(
    image: string,
    {
      take,
      signal,
    }: { take: (archive: AsyncIterable<Uint8Array>) => Promise<void>; signal?: AbortSignal | undefined },
  ): Promise<void> {
    const what = `save ${image}`;
    await this.#ask({ method: "GET", path: `/images/${image}/get`, what, signal }, (answer) => {
      return take(answer.body);
    });
  }

  /**
   * What the engine says of something.
   * @returns undefined where it says nothing that is JSON, or nothing for some seconds
   * @throws VarveError `NETWORK` if it can't be reached, `ABORTED`
   */
  async question(path: string, signal?: AbortSignal): Promise<unknown> {
    let said: unknown;
    try {
      await this.#ask(
        { method: "GET", path, what: "say what it has", signal, waits: QUESTION_WAITS },
        async ({ body }) => {
          const tooLarge = () => new VarveError("DAEMON", "its answer is too long");
          said = JSON.parse(Buffer.from(await collect(body, MAX_ANSWER_SIZE, tooLarge)).toString());
        },
      );
    } catch (error) {
      const { cause } = error as { cause?: unknown };
      const isUnreachable = cause instanceof LineError && !cause.connected;
      if (isUnreachable || signal?.aborted) throw error;
    }
    return said;
  }

  /**
   * Has the engine do something, whose progress it reports.
   * @param what says what, for errors
   * @throws VarveError `DAEMON`, `IMAGE_NOT_FOUND`, `NETWORK`, `ABORTED`
   */
  async command(
    method: "POST" | "DELETE",
    path: string,
    { what, signal }: { what: string; signal?: AbortSignal | undefined },
  ): Promise<void> {
    await this.#ask({ method, path, what, signal }, (answer) => readProgress(answer.body, what));
  }

  /** Makes a request and reads its answer. */
  async #ask(request: Request, read: (answer: Incoming) => Promise<void>): Promise<void> {
    const { method, path, what, body, signal, waits = {} } = request;
    const { origin, socketPath } = this.#endpoint;
    try {
      const answer = await exchange({
        url: new URL(path, origin),
        method,
        headers: body === undefined ? {} : { "content-type": "application/x-tar" },
        body,
        socketPath,
        signal,
        waits,
      });
      try {
        if (answer.status < 200 || answer.status > 299) throw await this.#refusal(answer, what);
        await read(answer);
      } finally {
        answer.body.destroy();
      }
    } catch (error) {
      if (!(error instanceof LineError)) throw error;
      if (signal?.aborted) throw cancelled(`the wish to ${what}`, error);
      throw error.connected ? this.#brokenOff(error, what) : this.#unreachable(error);
    }
  }

  async #refusal(answer: Incoming, what: string): Promise<VarveError> {
    const tooLarge = () => new VarveError("DAEMON", `the Docker daemon refused to ${what} at great length`);
    const words = refusalIn(Buffer.from(await collect(answer.body, MAX_REFUSAL_SIZE, tooLarge)).toString());
    return answer.status === 404
      ? new VarveError("IMAGE_NOT_FOUND", `the Docker daemon could not ${what}: ${words}`)
      : new VarveError("DAEMON", `the Docker daemon could not ${what} (${answer.status}): ${words}`);
  }

  #unreachable(error: unknown): VarveError {
    return new VarveError(
      "NETWORK",
      `cannot reach a Docker daemon at ${this.#endpoint.name}: ${connectionWords(error)}; start it, or set DOCKER_HOST to where it listens`,
      { cause: error },
    );
  }

  #brokenOff(error: unknown, what: string): VarveError {
    return new VarveError(
      "NETWORK",
      `the Docker daemon at ${this.#endpoint.name} broke the connection off before it could ${what}; its log may say why`,
      { cause: error },
    );
  }
}

function connectionWords(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (code === "ECONNREFUSED") return "the connection was refused";
  if (code === "ENOENT") return "there is no such socket";
  return reasonOf(error);
}

/** The chunks as a generator, which can be closed. */
async function* passed(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, void> {
  yield* chunks;
}
