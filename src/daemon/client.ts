/** The requests of the Docker Engine API (version 1.41 and its neighbours) that bring images in and out. */
import { Client, type Dispatcher } from "undici";
import { reasonOf, VarveError } from "../errors.ts";
import { collect, steadyChunks } from "../util/index.ts";
import { type Endpoint, parseDockerHost } from "./host.ts";
import { readProgress, refusalIn } from "./progress.ts";

/** Refusals are a sentence. */
const MAX_REFUSAL_SIZE = 64 * 1024;

type Answer = Dispatcher.ResponseData;

interface Request {
  readonly method: "GET" | "POST";
  readonly path: string;
  /** Says what the daemon is to do, for errors. */
  readonly what: string;
  readonly body?: AsyncGenerator<Uint8Array, void, void>;
  readonly signal?: AbortSignal | undefined;
}

/** Talks to one daemon, over a connection a request. */
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
    let failure: { readonly error: unknown } | undefined;
    const body = watched(steadyChunks(archive), (error) => {
      failure = { error };
    });
    const what = "load the image";
    try {
      await this.#ask({ method: "POST", path: "/images/load?quiet=1", what, body, signal }, (answer) =>
        readProgress(answer.body, what),
      );
    } catch (error) {
      throw failure === undefined ? error : failure.error;
    } finally {
      // A connection that broke never asks for the rest.
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

  /** Makes a request and has its answer read. */
  async #ask(request: Request, read: (answer: Answer) => Promise<void>): Promise<void> {
    const { method, path, what, body, signal } = request;
    const { origin, socketPath } = this.#endpoint;
    // The daemon takes what time it needs to write gigabytes, and answers when it has.
    const patience = { headersTimeout: 0, bodyTimeout: 0 };
    const client = new Client(origin, socketPath === undefined ? patience : { socketPath, ...patience });
    let connected = false;
    client.on("connect", () => {
      connected = true;
    });
    try {
      const answer = await client.request({
        method,
        path,
        headers: body === undefined ? {} : { "content-type": "application/x-tar" },
        // undici takes async iterables, though its types only know Readable.
        body: (body ?? null) as unknown as Uint8Array | null,
        signal: signal ?? null,
      });
      // It may be left alone when the request fails for another reason; that must not end the process.
      answer.body.on("error", () => {});
      if (answer.statusCode !== 200) throw await this.#refusal(answer, what);
      await read(answer);
    } catch (error) {
      if (error instanceof VarveError) throw error;
      if (signal?.aborted)
        throw new VarveError("ABORTED", `the wish to ${what} was cancelled`, { cause: error });
      throw connected ? this.#brokenOff(error, what) : this.#unreachable(error);
    } finally {
      await client.destroy();
    }
  }

  async #refusal(answer: Answer, what: string): Promise<VarveError> {
    const tooLarge = () => new VarveError("DAEMON", `the Docker daemon refused to ${what} at great length`);
    const words = refusalIn(Buffer.from(await collect(answer.body, MAX_REFUSAL_SIZE, tooLarge)).toString());
    return answer.statusCode === 404
      ? new VarveError("IMAGE_NOT_FOUND", `the Docker daemon could not ${what}: ${words}`)
      : new VarveError("DAEMON", `the Docker daemon could not ${what} (${answer.statusCode}): ${words}`);
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
      `the Docker daemon at ${this.#endpoint.name} broke the connection off before it could ${what}; its log may tell why`,
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

/** Passes chunks on, and tells of what making them failed with, since undici throws errors of its own then. */
async function* watched(
  chunks: AsyncIterable<Uint8Array>,
  failed: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, void> {
  try {
    yield* chunks;
  } catch (error) {
    failed(error);
    throw error;
  }
}
