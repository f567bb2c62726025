/**
 * Node's HTTP client, loaded when it is asked for. An `import` of `node:http` would make a module of all that it has, and one of
 * its properties loads a second client, `fetch`'s, which takes 40 ms.
 */
export function nodeHttp(secure: boolean): Pick<typeof import("node:http"), "Agent" | "request"> {
  const { Agent, request } = process.getBuiltinModule(secure ? "node:https" : "node:http");
  return { Agent, request };
}

/** Node's TLS, which takes as long to load as all else about HTTP does. */
export function nodeTls(): Pick<typeof import("node:tls"), "connect" | "getCACertificates"> {
  return process.getBuiltinModule("node:tls");
}

/** Node's HTTP server, which listens when it is told where; loaded as {@link nodeHttp} is. */
export function httpServer(handle: import("node:http").RequestListener): import("node:http").Server {
  return process.getBuiltinModule("node:http").createServer(handle);
}
