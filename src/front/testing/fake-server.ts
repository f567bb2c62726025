/** A server on this machine for tests of what asks it. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Duplex } from "node:stream";

/** One request that a server saw. */
export interface Seen {
  /** In capitals, such as `PUT`. */
  readonly method: string;
  /** The URL's path, such as `/v2/app/manifests/1`. */
  readonly path: string;
  /** What stands behind the path's `?`. */
  readonly query: URLSearchParams;
  /** By their names in small letters. */
  readonly headers: IncomingMessage["headers"];
  /** Bytes of its body, once they have all come. */
  bodySize: number;
}

/**
 * Looks at a request before the registry does: to answer it otherwise, to hold it back, or to fail.
 * @returns true when it has answered the request, or will
 */
export type Quirk = (
  request: IncomingMessage,
  response: ServerResponse,
  seen: Seen,
) => boolean | undefined | Promise<boolean | undefined>;

/** An HTTP server on 127.0.0.1 that records what it is asked. */
export class FakeServer {
  /** What it was asked, in order; not the first look at `/v2/`, by which a client finds out that this is no https. */
  readonly requests: Seen[] = [];
  readonly #server: Server;
  readonly #tunnels = new Set<Duplex>();
  #probed = false;

  constructor() {
    this.#server = createServer((request, response) => {
      const url = new URL(request.url ?? "/", "http://x");
      const { pathname: path, searchParams: query } = url;
      const seen: Seen = { method: request.method ?? "", path, query, headers: request.headers, bodySize: 0 };
      if (path === "/v2/" && !this.#probed) {
        this.#probed = true;
        response.writeHead(200).end();
        return;
      }
      this.requests.push(seen);
      request.on("error", () => {});
      this.handle(request, response, seen).catch((error: unknown) => {
        if (request.errored === null && !request.destroyed) response.destroy(error as Error);
      });
    });
    // A TLS handshake is no HTTP; the server says so and goes on.
    this.#server.on("clientError", (_error, socket) => socket.end("HTTP/1.1 400 Bad Request\r\n\r\n"));
  }

  /** Answers a request: with 404, unless a class that extends this one does otherwise. */
  async handle(_request: IncomingMessage, response: ServerResponse, _seen: Seen): Promise<void> {
    response.writeHead(404).end();
  }

  /** Has CONNECT answered, as a proxy does. */
  onConnect(handle: (request: IncomingMessage, socket: Duplex) => void): void {
    this.#server.on("connect", (request, socket) => {
      this.#tunnels.add(socket);
      handle(request, socket);
    });
  }

  /** Begins to listen, at a port that is free. */
  async start(): Promise<this> {
    await new Promise<void>((resolve) => this.#server.listen(0, "127.0.0.1", resolve));
    return this;
  }

  /** Ends all connections, and listens no more. */
  async stop(): Promise<void> {
    for (const socket of this.#tunnels) socket.destroy();
    this.#server.closeAllConnections();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  /** The port that it listens at. */
  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** Its host and port, as references name a registry: `127.0.0.1:40123`. */
  get host(): string {
    return `127.0.0.1:${this.port}`;
  }

  /** Its address: `http://127.0.0.1:40123`. */
  get url(): string {
    return `http://${this.host}`;
  }

  /** `METHOD path` of each request, with uploads' random names left out. */
  get log(): string[] {
    return this.requests.map(({ method, path }) => `${method} ${path.replace(/(uploads\/).+/, "$1ID")}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
