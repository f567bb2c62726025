/** Listens for who pulls. */
import type { IncomingMessage, Server, ServerResponse } from "node:http";
import { type AddressInfo, isIPv6 } from "node:net";
import { errnoOf, reasonOf, VarveError } from "#errors";
import { httpServer } from "#util";
import { answerPull, type PullSide, refuse } from "./pull-side.ts";

/** Where a server listens. */
export interface Listen {
  /** An address of this machine, or a name that leads to one. */
  readonly host: string;
  /** 0 for one that is free. */
  readonly port: number;
}

export interface PullServerOptions {
  readonly listen: Listen;
  /** Gets what went wrong with a request, which its client has been told as well as it can be. */
  readonly onError?: ((error: unknown) => void) | undefined;
}

/** A registry that can only be read. Disposing of it ends all connections. */
export interface PullServer extends AsyncDisposable {
  /** Host and port, as references name a registry: `localhost:5000`. */
  readonly host: string;
  /** Whether nobody but this machine reaches it. */
  readonly isLocal: boolean;
}

/**
 * Serves what there is to pull: OCI distribution specification, "Pull".
 * @throws VarveError `CANNOT_LISTEN`
 */
export async function servePulls(
  from: PullSide,
  { listen: { host, port }, onError = () => {} }: PullServerOptions,
): Promise<PullServer> {
  const server = httpServer((request, response) => {
    request.on("error", () => {});
    response.on("error", () => {});
    // Whatever comes with a request isn't wanted.
    request.resume();
    answer(from, request, response).catch((error: unknown) => {
      // Where nobody waits for the answer any more, that is why there is none.
      if (!response.destroyed) onError(error);
      fail(response, error);
    });
  });
  await listening(server, { host, port });
  const { address, port: chosen } = server.address() as AddressInfo;
  return {
    host: `${nameOf(address)}:${chosen}`,
    isLocal: isLoopback(address),
    async [Symbol.asyncDispose]() {
      const closed = new Promise((resolve) => server.close(resolve));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function answer(from: PullSide, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { host } = request.headers;
  // A web page whose name suddenly leads to this machine could read what it asks for; a browser says that name.
  if (host !== undefined && isLoopback(request.socket.localAddress ?? "") && !LOCAL_NAME.test(host)) {
    sendFailure(response, 403, { code: "DENIED", message: "this server is for its own machine" });
  } else if (!(await answerPull(request, response, from))) await refuse(request, response);
}

/** Says what is wrong, or, where an answer has begun, cuts it off, so that it isn't taken for whole. */
function fail(response: ServerResponse, error: unknown): void {
  if (response.headersSent || response.destroyed) {
    response.destroy();
    return;
  }
  const message = error instanceof VarveError ? error.message : "something went wrong";
  sendFailure(response, 500, { code: "UNKNOWN", message });
}

function sendFailure(
  response: ServerResponse,
  status: number,
  error: { readonly code: string; readonly message: string },
): void {
  response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify({ errors: [error] }));
}

/** What this machine is called by those who reach its loopback; the last two are containers' names for it. */
const LOCAL_NAME =
  /^(([a-z0-9-]+\.)*localhost|127\.[0-9.]+|\[::1\]|host\.docker\.internal|host\.containers\.internal)(:\d+)?$/i;

async function listening(server: Server, { host, port }: Listen): Promise<void> {
  try {
    await new Promise<void>((resolve, reject) => {
      server.once("error", reject);
      server.listen({ host, port }, resolve);
    });
  } catch (error) {
    const where = `${isIPv6(host) ? `[${host}]` : host}:${port}`;
    const why = LISTEN_WORDS[errnoOf(error) ?? ""] ?? reasonOf(error);
    throw new VarveError("CANNOT_LISTEN", `cannot listen on ${where}: ${why}; name another with --listen`, {
      cause: error,
    });
  }
  server.on("error", () => {});
}

const LISTEN_WORDS: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program does so already",
  EADDRNOTAVAIL: "this machine has no such address",
  ENOTFOUND: "this machine knows no such name",
};

function isLoopback(address: string): boolean {
  return /^(127\.|::1$|::ffff:127\.)/.test(address);
}

/** The name that an address has for who pulls: engines take http from `localhost` without being told to. */
function nameOf(address: string): string {
  if (address === "127.0.0.1" || address === "::1" || address === "0.0.0.0" || address === "::")
    return "localhost";
  return isIPv6(address) ? `[${address}]` : address;
}
