import { once } from "node:events";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { Socket } from "node:net";
import { join } from "node:path";
import type { Scope } from "../../../support/tmp.ts";
import { stacked, temporaryFolder } from "../../../support/tmp.ts";

/** What a fake daemon does with a request. */
export type Answer = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface FakeDaemon {
  /** As in `DOCKER_HOST`. */
  readonly host: string;
  /** Method and path of each request so far. */
  readonly requests: string[];
  /** Resolves when each connection that was made is closed. */
  closed(): Promise<void>;
}

/** What a loader asks of an engine before it sends anything. */
const QUESTION = /^GET \/(info|version|images\/json|images\/[a-z0-9:]+\/json)$/;

/**
 * A Docker daemon on a Unix socket that answers every request in one way; it ends with the scope.
 * @param knows what it says of itself and its images, by path; unless told, nothing, and then it is sent everything
 */
export async function startFakeDaemon(
  outer: Scope,
  answer: Answer,
  knows: Readonly<Record<string, unknown>> = {},
): Promise<FakeDaemon> {
  const scope = stacked(outer);
  const socket = join(await temporaryFolder(scope), "docker.sock");
  const requests: string[] = [];
  const server = createServer((request, response) => {
    if (QUESTION.test(`${request.method} ${request.url}`)) {
      const known = knows[request.url ?? ""];
      response.writeHead(known === undefined ? 404 : 200).end(JSON.stringify(known ?? {}));
      return;
    }
    requests.push(`${request.method} ${request.url}`);
    // A client may go away at any time.
    request.on("error", () => {});
    response.on("error", () => {});
    void Promise.resolve(answer(request, response)).catch((error) => response.destroy(error));
  });
  const connections = new Set<Socket>();
  server.on("connection", (connection) => {
    connections.add(connection);
    connection.on("close", () => connections.delete(connection));
  });
  server.listen(socket);
  await once(server, "listening");
  scope.after(() => stop(server));
  return {
    host: `unix://${socket}`,
    requests,
    closed: async () => {
      await Promise.all(
        [...connections].map((connection) => new Promise((resolve) => connection.on("close", resolve))),
      );
    },
  };
}

async function stop(server: Server): Promise<void> {
  server.close();
  server.closeAllConnections();
  await once(server, "close");
}

/** All bytes of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  for await (const chunk of request) parts.push(chunk as Buffer);
  return Buffer.concat(parts);
}
