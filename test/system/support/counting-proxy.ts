import { once } from "node:events";
import { createServer, type IncomingMessage, request as makeRequest, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type Scope, stacked } from "../../support/tmp.ts";

/** A request that passed through. */
export interface PassedRequest {
  /** Its number in the order in which requests began. */
  readonly number: number;
  readonly method: string;
  /** With the query. */
  readonly path: string;
  /** The status that was answered; 0 when the connection broke before. */
  readonly status: number;
  /** Bytes of the request's body. */
  readonly sent: number;
  /** Bytes of the answer's body. */
  readonly received: number;
}

/** A proxy in front of a registry that counts what passes. */
export interface CountingProxy {
  /** `127.0.0.1:PORT`, the registry's host for clients. */
  readonly host: string;
  /** Requests that have ended, in the order in which they ended. */
  readonly requests: PassedRequest[];
  /** The number that the next request gets. */
  nextNumber: number;
  /** Called with all bytes of bodies that have passed to the registry, whenever more have. */
  onSent: ((total: number) => void) | undefined;
}

/** Starts a proxy in front of a server on loopback. A connection that breaks behind it breaks in front of it, too. */
export async function startCountingProxy(outer: Scope, target: string): Promise<CountingProxy> {
  const scope = stacked(outer);
  const [hostname, port] = target.split(":") as [string, string];
  let total = 0;
  const requests: PassedRequest[] = [];

  const pass = (incoming: IncomingMessage, outgoing: ServerResponse): void => {
    const { method = "", url: path = "", headers } = incoming;
    const number = proxy.nextNumber++;
    let sent = 0;
    let received = 0;
    let status = 0;
    // The Host header stays, so the registry's answers lead back here.
    const inner = makeRequest({ hostname, port, method, path, headers, agent: false }, (answer) => {
      status = answer.statusCode ?? 0;
      outgoing.writeHead(status, answer.rawHeaders);
      answer.on("error", () => outgoing.destroy());
      answer.on("data", (chunk: Buffer) => {
        received += chunk.length;
      });
      answer.pipe(outgoing);
    });
    inner.on("error", () => incoming.socket.destroy());
    incoming.on("data", (chunk: Buffer) => {
      sent += chunk.length;
      total += chunk.length;
      proxy.onSent?.(total);
    });
    incoming.on("error", () => inner.destroy());
    incoming.pipe(inner);
    outgoing.on("close", () => {
      if (!outgoing.writableFinished) inner.destroy();
      requests.push({ number, method, path, status, sent, received });
    });
  };
  const server = createServer(pass).listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(async () => {
    server.close();
    server.closeAllConnections();
    await once(server, "close");
  });
  const proxy: CountingProxy = {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    nextNumber: 0,
    onSent: undefined,
  };
  return proxy;
}
