import { once } from "node:events";
import { request as ask } from "node:http";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { setTimeout as pause, setImmediate as turn } from "node:timers/promises";
import { FakeRegistry } from "#testing";

/** What a registry answered before an {@link OddServer} sends it on in its own way. */
export interface Answer {
  readonly status: number;
  /** Names as they are to be written. Content-Length and Transfer-Encoding are the mode's. */
  readonly headers: readonly (readonly [string, string])[];
  readonly body: Buffer;
}

/** A request as it came. */
export interface Request {
  readonly method: string;
  readonly path: string;
  readonly headers: ReadonlyMap<string, string>;
  readonly body: Buffer;
}

/** A connection in the hands of a mode. */
export interface Line {
  readonly random: Random;
  /** Sends bytes; rejects once the connection is gone. */
  write(bytes: Uint8Array | string): Promise<void>;
  /** Sends what is written, and says that nothing more comes. */
  end(): void;
  /** Waits a moment, or a turn of the loop for 0, and no longer than the server lives. */
  rest(milliseconds: number): Promise<void>;
}

/** How an answer is sent. */
export type Mode = (line: Line, answer: Answer, request: Request) => Promise<void>;

const hasBody = ({ method }: Request, { status }: Answer) =>
  method !== "HEAD" && status !== 204 && status !== 304 && status >= 200;

function head(answer: Answer, more: readonly string[] = [], version = "HTTP/1.1"): string {
  const lines = answer.headers.map(([name, value]) => `${name}: ${value}`);
  return [`${version} ${answer.status} As Due`, ...lines, ...more, "", ""].join("\r\n");
}

const sized = (answer: Answer) => (answer.status === 204 ? [] : [`Content-Length: ${answer.body.length}`]);

async function plain(line: Line, answer: Answer, request: Request, more: readonly string[] = []) {
  await line.write(head(answer, [...sized(answer), ...more]));
  if (hasBody(request, answer)) await line.write(answer.body);
}

async function chunk(line: Line, bytes: Buffer, extension = ""): Promise<void> {
  await line.write(`${bytes.length.toString(16)}${extension}\r\n`);
  await line.write(Buffer.concat([bytes, Buffer.from("\r\n")]));
}

/** Cuts bytes into pieces of random sizes: many small ones of few bytes, larger ones of many. */
function* pieces(bytes: Buffer, random: Random): Generator<Buffer> {
  const most = Math.max(3, bytes.length / 20);
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + random.below(most);
    yield bytes.subarray(at, at + size);
    at += size;
  }
}

const isBlob = ({ method, path }: Request) => method === "GET" && /\/blobs\/sha256:/.test(path);

/** Ways of answering that are odd, or seldom, and right: whoever reads HTTP must understand them all. */
export const SOUND_MODES = {
  plain: (line, answer, request) => plain(line, answer, request),

  "a length, and the connection is closed": async (line, answer, request) => {
    await plain(line, answer, request, ["Connection: close"]);
    line.end();
  },

  "HTTP/1.0 with a length": async (line, answer, request) => {
    await line.write(head(answer, sized(answer), "HTTP/1.0"));
    if (hasBody(request, answer)) await line.write(answer.body);
    line.end();
  },

  "HTTP/1.0 until the connection ends": async (line, answer, request) => {
    await line.write(head(answer, request.method === "HEAD" ? sized(answer) : [], "HTTP/1.0"));
    if (hasBody(request, answer)) await line.write(answer.body);
    line.end();
  },

  "a body until the connection ends": async (line, answer, request) => {
    const length = request.method === "HEAD" ? sized(answer) : [];
    await line.write(head(answer, [...length, "Connection: close"]));
    if (hasBody(request, answer)) await line.write(answer.body);
    line.end();
  },

  "chunks of odd sizes with extensions and trailers": async (line, answer, request) => {
    if (!hasBody(request, answer)) return plain(line, answer, request);
    await line.write(head(answer, ["Transfer-Encoding: chunked"]));
    for (const piece of pieces(answer.body, line.random)) await chunk(line, piece, ';odd="yes;no"');
    await line.write("000\r\nX-Trailer: here\r\n\r\n");
  },

  "chunks, and the connection is closed": async (line, answer, request) => {
    if (!hasBody(request, answer)) {
      await plain(line, answer, request, ["Connection: close"]);
      return line.end();
    }
    await line.write(head(answer, ["Transfer-Encoding: chunked", "Connection: close"]));
    await chunk(line, answer.body.subarray(0, answer.body.length >> 1 || 1));
    const rest = answer.body.subarray(answer.body.length >> 1 || 1);
    if (rest.length > 0) await chunk(line, rest);
    await line.write("0\r\n\r\n");
    line.end();
  },

  "informational answers first": async (line, answer, request) => {
    await line.write("HTTP/1.1 102 Processing\r\n\r\n");
    await line.write("HTTP/1.1 103 Early Hints\r\nLink: </x>; rel=preload\r\n\r\n");
    await plain(line, answer, request);
  },

  "headers a byte at a time": async (line, answer, request) => {
    for (const byte of Buffer.from(head(answer, sized(answer)))) {
      await line.write(Buffer.of(byte));
      await line.rest(0);
    }
    if (hasBody(request, answer)) await line.write(answer.body);
  },

  "a body in pieces": async (line, answer, request) => {
    await line.write(head(answer, sized(answer)));
    if (!hasBody(request, answer)) return;
    for (const piece of pieces(answer.body, line.random)) {
      await line.write(piece);
      await line.rest(0);
    }
  },

  "many headers": (line, answer, request) =>
    plain(
      line,
      answer,
      request,
      Array.from({ length: 300 }, (_, at) => `X-Header-${at}: ${"v".repeat(80)}`),
    ),

  "no reason phrase, and headers oddly spaced": async (line, answer, request) => {
    const lines = [...answer.headers.map(([name, value]) => `${name.toUpperCase()}:\t ${value} `)];
    const length = sized(answer).map((text) => text.replace(": ", ":").toLowerCase());
    await line.write([`HTTP/1.1 ${answer.status} `, ...lines, ...length, "", ""].join("\r\n"));
    if (hasBody(request, answer)) await line.write(answer.body);
  },

  "identity said aloud": (line, answer, request) =>
    plain(line, answer, request, ["Content-Encoding: identity", "Vary: *"]),

  "a 503 now and then": async (line, answer, request) => {
    if (line.random.below(4) > 0) return plain(line, answer, request);
    await line.write("HTTP/1.1 503 Busy\r\nRetry-After: 0\r\nContent-Length: 4\r\n\r\nbusy");
  },

  "a connection that breaks in a blob now and then": async (line, answer, request) => {
    if (!isBlob(request) || answer.body.length === 0 || line.random.below(2) > 0)
      return plain(line, answer, request);
    await line.write(head(answer, sized(answer)));
    await line.write(answer.body.subarray(0, answer.body.length >> 1));
    line.end();
  },
} satisfies Record<string, Mode>;

/** Ways of answering blobs that are wrong: each must end in an error, in bounded time and memory. */
export const UNSOUND_MODES = {
  "a byte at a time": async (line, answer) => {
    await line.write(head(answer, sized(answer)));
    for (const byte of answer.body) {
      await line.write(Buffer.of(byte));
      await line.rest(20);
    }
  },

  "headers for ever": async (line) => {
    await line.write("HTTP/1.1 200 OK\r\n");
    for (let at = 0; ; at++) {
      await line.write(`X-${at % 10}: y\r\n`);
      await line.rest(20);
    }
  },

  "informational answers for ever": async (line) => {
    for (;;) {
      await line.write("HTTP/1.1 102 Processing\r\n\r\n");
      await line.rest(5);
    }
  },

  silence: (line) => line.rest(3_600_000),

  "a connection that breaks after each byte": async (line, answer, request) => {
    await line.write(head(answer, sized(answer)));
    if (hasBody(request, answer)) await line.write(answer.body.subarray(0, 1));
    line.end();
  },

  "a body that ends early": async (line, answer) => {
    await line.write(head(answer, sized(answer)));
    await line.write(answer.body.subarray(0, Math.max(0, answer.body.length - 1)));
    line.end();
  },

  "a length that is too long": async (line, answer) => {
    await line.write(head(answer, [`Content-Length: ${answer.body.length + 1}`]));
    await line.write(answer.body);
    line.end();
  },

  "two lengths": (line, answer, request) => plain(line, answer, request, ["Content-Length: 1"]),

  "a length and chunks": async (line, answer) => {
    await line.write(head(answer, [...sized(answer), "Transfer-Encoding: chunked"]));
    await line.write(answer.body);
  },

  "chunks whose size is no number": async (line, answer) => {
    await line.write(head(answer, ["Transfer-Encoding: chunked"]));
    await line.write("zz\r\nxx\r\n0\r\n\r\n");
  },

  "a chunk of more bytes than there are": async (line, answer) => {
    await line.write(head(answer, ["Transfer-Encoding: chunked"]));
    await line.write("ffffffffffff\r\nxx");
    line.end();
  },

  "a megabyte of headers": (line, answer, request) =>
    plain(line, answer, request, [`X-Long: ${"v".repeat(1_000_000)}`]),

  "no HTTP": async (line) => {
    await line.write("SSH-2.0-OpenSSH_9.9\r\n");
    line.end();
  },

  "a redirect to itself": (line, _answer, request) =>
    line.write(`HTTP/1.1 302 Found\r\nLocation: ${request.path}\r\nContent-Length: 0\r\n\r\n`),

  "a Retry-After of ages": (line) =>
    line.write("HTTP/1.1 429 Busy\r\nRetry-After: 999999999\r\nContent-Length: 0\r\n\r\n"),

  "compressed, though nobody asked": (line, answer, request) =>
    plain(line, answer, request, ["Content-Encoding: gzip"]),

  "a range that nobody asked for": (line, answer, request) =>
    plain(line, { ...answer, status: 206 }, request, ["Content-Range: bytes 5-9/10"]),

  "416": (line, answer, request) =>
    plain(line, { ...answer, status: 416, body: Buffer.alloc(0) }, request, ["Content-Range: bytes */10"]),

  "another protocol": (line) =>
    line.write("HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: x\r\n\r\nxxxx"),
} satisfies Record<string, Mode>;

/** Numbers that look random and are the same for the same seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0 up to, and without, the limit. */
  below(limit: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), this.#state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit);
  }
}

export interface OddServerOptions {
  /** How requests are answered; those it gives nothing for are answered plainly. */
  readonly mode: (request: Request) => Mode | undefined;
  readonly seed?: number;
}

/**
 * A registry in memory that speaks HTTP in an odd way, byte by byte as its modes say. What it answers is what its
 * {@link FakeRegistry} does.
 */
export class OddServer {
  readonly registry = new FakeRegistry();
  /** `METHOD path` of each request, in order. */
  readonly log: string[] = [];
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  readonly #ended = new AbortController();
  readonly #random: Random;
  mode: OddServerOptions["mode"];

  constructor({ mode, seed = 1 }: OddServerOptions) {
    this.mode = mode;
    this.#random = new Random(seed);
    this.#server = createServer({ noDelay: true }, (socket) => {
      this.#sockets.add(socket);
      socket.on("error", () => {}).on("close", () => this.#sockets.delete(socket));
      this.#serve(socket).catch(() => socket.destroy());
    });
  }

  async start(): Promise<this> {
    await this.registry.start();
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this;
  }

  async stop(): Promise<void> {
    this.#ended.abort();
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => this.#server.close(resolve));
    await this.registry.stop();
  }

  /** The server's host and port. */
  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  async #serve(socket: Socket): Promise<void> {
    const line: Line = {
      random: this.#random,
      write: async (bytes) => {
        if (!socket.writable) throw new Error("the connection is gone");
        if (!socket.write(bytes)) await once(socket, "drain", { signal: this.#ended.signal });
      },
      end: () => void socket.end(),
      rest: async (milliseconds) => {
        const { signal } = this.#ended;
        await (milliseconds === 0 ? turn(undefined, { signal }) : pause(milliseconds, undefined, { signal }));
      },
    };
    const input = new Input(socket);
    while (socket.writable) {
      const request = await readRequest(input);
      if (request === undefined) break;
      this.log.push(`${request.method} ${request.path}`);
      const answer = await this.#answer(request);
      await (this.mode(request) ?? SOUND_MODES.plain)(line, answer, request);
    }
    socket.end();
  }

  /** Asks the registry behind. */
  async #answer({ method, path, headers, body }: Request): Promise<Answer> {
    const kept = [...headers].filter(([name]) => !/^(host|connection|transfer-encoding)$/.test(name));
    const request = ask({
      host: "127.0.0.1",
      port: this.registry.port,
      method,
      path,
      headers: { ...Object.fromEntries(kept), "content-length": body.length },
      agent: false,
    });
    request.end(body);
    const [response] = await once(request, "response");
    const parts: Buffer[] = [];
    for await (const part of response) parts.push(part as Buffer);
    const said = Object.entries(response.headersDistinct as Record<string, string[]>);
    const length = Number(response.headers["content-length"] ?? 0);
    return {
      status: response.statusCode,
      headers: said
        .filter(([name]) => !/^(content-length|connection|keep-alive|transfer-encoding|date)$/.test(name))
        .flatMap(([name, values]) => values.map((value) => [name, value] as const)),
      // What a HEAD would have is not sent, but its length is said.
      body: method === "HEAD" ? Buffer.alloc(length) : Buffer.concat(parts),
    };
  }
}

/** For tests that want one answer to be odd and all else plain. */
export const blobsOnly = (mode: Mode) => (request: Request) => (isBlob(request) ? mode : undefined);

/** A connection's bytes, taken as they are needed. */
class Input {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(socket: Socket) {
    this.#chunks = socket[Symbol.asyncIterator]();
  }

  async #more(): Promise<boolean> {
    const { value, done } = await this.#chunks.next();
    if (!done) this.#held = Buffer.concat([this.#held, value]);
    return !done;
  }

  /** What comes before a mark, which is taken too; undefined at the end. */
  async until(mark: string): Promise<string | undefined> {
    let at = this.#held.indexOf(mark);
    while (at < 0) {
      // A TLS handshake is no HTTP.
      if (this.#held[0] === 0x16 || !(await this.#more())) return undefined;
      at = this.#held.indexOf(mark);
    }
    const text = this.#held.subarray(0, at).toString("latin1");
    this.#held = this.#held.subarray(at + mark.length);
    return text;
  }

  async take(size: number): Promise<Buffer> {
    const parts: Buffer[] = [];
    let missing = size;
    for (;;) {
      const part = this.#held.subarray(0, missing);
      this.#held = this.#held.subarray(part.length);
      parts.push(part);
      missing -= part.length;
      if (missing === 0) return Buffer.concat(parts);
      if (!(await this.#more())) throw new Error("the request was cut off");
    }
  }
}

async function readRequest(input: Input): Promise<Request | undefined> {
  const text = await input.until("\r\n\r\n");
  if (text === undefined) return undefined;
  const [first = "", ...lines] = text.split("\r\n");
  const [method = "", path = ""] = first.split(" ");
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(":");
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const;
    }),
  );
  const parts: Buffer[] = [];
  if (headers.get("transfer-encoding") === "chunked") {
    for (;;) {
      const size = Number.parseInt((await input.until("\r\n")) ?? "", 16);
      if (size > 0) parts.push(await input.take(size));
      await input.take(2);
      if (!(size > 0)) break;
    }
  } else {
    parts.push(await input.take(Number(headers.get("content-length") ?? 0)));
  }
  return { method, path, headers, body: Buffer.concat(parts) };
}
