/**
 * A way from a network that has none to one server outside. Bytes go through a Unix socket, which is found by its path
 * in every network: run as a program, this file listens in the network, `node relay.ts HOST PORT SOCKET`.
 */
import { once } from "node:events";
import { connect, createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { startService } from "./service.ts";

interface Address {
  readonly host: string;
  readonly port: number;
}

interface Relay {
  /** Makes a command one that runs in the network. */
  readonly inside: (command: readonly string[]) => readonly [string, ...string[]];
  /** Where it listens in there. */
  readonly from: Address;
  /** Where that leads, out here. */
  readonly to: Address;
}

const program = fileURLToPath(import.meta.url);

/** Opens the way until the scope ends. */
export async function openRelay(outer: Scope, { inside, from, to }: Relay): Promise<void> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const socket = join(folder, "relay.sock");
  const open = new Set<Socket>();
  const server = relay(() => connect(to), open);
  server.listen(socket);
  await once(server, "listening");
  scope.after(() => {
    for (const each of open) each.destroy();
    server.close();
  });
  const listener = await startService({
    command: inside([process.execPath, program, from.host, String(from.port), socket]),
    logFile: join(folder, "relay.log"),
    ready: (log) => log.includes("listening"),
  });
  scope.after(() => listener.stop());
}

function relay(onward: () => Socket, open = new Set<Socket>()): Server {
  return createServer((incoming) => {
    const outgoing = onward();
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(one);
      one.pipe(other);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroySoon();
      });
    }
  });
}

if (process.argv[1] === program) {
  const [host, port, socket] = process.argv.slice(2);
  const server = relay(() => connect(socket!));
  server.listen(Number(port), host, () => console.log("listening"));
}
