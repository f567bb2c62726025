import { once } from "node:events";
import { createServer, request } from "node:http";
import { join } from "node:path";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";

/** A way to an engine on which the bytes that are sent are counted. */
export interface CountedEngine {
  /** As in `DOCKER_HOST`. */
  readonly host: string;
  /** Bytes of bodies that have been sent since this was last asked. */
  sent(): number;
  /** What the engine says in place of the truth, by path. */
  readonly claims: Map<string, unknown>;
}

/** Opens a way to an engine's socket that is there until the scope ends. */
export async function countEngine(outer: Scope, socketPath: string): Promise<CountedEngine> {
  const scope = stacked(outer);
  const socket = join(await temporaryFolder(scope), "counted.sock");
  const claims = new Map<string, unknown>();
  let bytes = 0;
  const server = createServer((incoming, outgoing) => {
    const { method, url: path = "", headers } = incoming;
    const claim = claims.get(path);
    if (claim !== undefined) {
      outgoing.end(JSON.stringify(claim));
      return;
    }
    const onward = request({ socketPath, method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 500, answer.headers);
      answer.pipe(outgoing);
    });
    onward.on("error", () => outgoing.destroy());
    incoming.on("error", () => onward.destroy());
    incoming.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
    });
    incoming.pipe(onward);
  });
  server.listen(socket);
  await once(server, "listening");
  scope.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    host: `unix://${socket}`,
    claims,
    sent() {
      const now = bytes;
      bytes = 0;
      return now;
    },
  };
}
