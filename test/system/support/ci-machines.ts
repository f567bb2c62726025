/**
 * Machines as CI lends them: containers of a real Docker Engine, each with a network, a file system and so a cache folder of its own. What
 * they share is a registry, which they reach over a bridge under a name, with TLS.
 */
import { once } from "node:events";
import { mkdir, symlink, writeFile } from "node:fs/promises";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Finished, mustRun } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { startDockerd } from "./dockerd.ts";
import { startRegistry } from "./registry.ts";
import { openRelay } from "./relay.ts";
import { startService } from "./service.ts";
import { makeCertificate } from "./tls.ts";

const HOST = "registry.example.com";
const PORT = 5000;

/** Where the bridge of an engine has its machine, in a network in which there is nothing else. */
const GATEWAY = "172.17.0.1";

const IMAGE = "machine";

/** What of this repository varve runs with. */
const VARVE = ["dist", "node_modules", "package.json"].map((name) => ({
  at: `/opt/varve/${name}`,
  from: fileURLToPath(new URL(`../../../${name}`, import.meta.url)),
}));

/** What a machine is to do. */
export interface Work {
  /** The folder that it has at `/src`, as a checkout of its own. */
  readonly checkout: string;
  /** For bash, which begins in `/src`. */
  readonly script: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Further folders or files, by where the machine has them. */
  readonly mounts?: Readonly<Record<string, string>>;
  /** Kills it, as `kill -9` does, once so many bytes have gone to the registry. */
  readonly killAfter?: number;
}

export interface CiMachines {
  /** The registry, as machines name it. */
  readonly registry: string;
  /** The same one, as this machine names it, and what lets programs here trust it. */
  readonly here: string;
  readonly env: Readonly<Record<string, string>>;
  /** Has a new machine do something; it is gone afterwards. `varve`, `npx varve` and an `npm` that does nothing are on its path. */
  run(work: Work): Promise<Finished>;
  mustRun(work: Work): Promise<string>;
  /** Bytes that machines have sent to the registry, heads and TLS among them. */
  sent(): number;
}

/** Starts the engine, the network and the registry; all are gone with the scope. */
export async function startCiMachines(outer: Scope): Promise<CiMachines> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const keeper = await startService({
    command: ["unshare", "--net", "sh", "-c", "ip link set lo up && echo ready && exec sleep infinity"],
    logFile: join(folder, "network.log"),
    ready: (log) => log === "ready\n",
  });
  scope.after(() => keeper.stop("SIGKILL"));
  const inside = (command: readonly string[]): readonly [string, ...string[]] => [
    ...(["nsenter", "--net", "--target", String(keeper.pid), "--"] as const),
    ...command,
  ];
  const tls = await makeCertificate(scope, [HOST]);
  const registry = await startRegistry(scope, { tls });
  const engine = await startDockerd(scope, { inside, env: {} });
  const gate = await openGate(scope, registry.host);
  await openRelay(scope, { inside, from: { host: GATEWAY, port: PORT }, to: gate.address });
  const empty = await emptyMachine(folder);
  await expectSuccess(await engine.docker(["import", empty, IMAGE]));
  const bin = await programs(folder);
  const node = dirname(process.execPath);
  let count = 0;

  const run = async ({ checkout, script, env = {}, mounts = {}, killAfter }: Work): Promise<Finished> => {
    const name = `machine-${count++}`;
    const folders = { "/src": checkout, "/etc/authority.pem": tls.authority, ...mounts };
    const own = [
      ...Object.entries({ "/usr": "/usr", "/opt/bin": bin, "/opt/node": node }),
      ...VARVE.map(({ at, from }) => [at, from] as const),
    ];
    const variables = {
      HOME: "/root",
      PATH: "/opt/bin:/opt/node:/usr/sbin:/usr/bin",
      NODE_EXTRA_CA_CERTS: "/etc/authority.pem",
      ...env,
    };
    const options = [
      ...["--name", name, "--add-host", `${HOST}:${GATEWAY}`, "--workdir", "/src"],
      ...Object.entries(folders).flatMap(([at, from]) => ["--volume", `${from}:${at}`]),
      ...own.flatMap(([at, from]) => ["--volume", `${from}:${at}:ro`]),
      ...Object.entries(variables).flatMap(([key, value]) => ["--env", `${key}=${value}`]),
    ];
    const killed = killAfter === undefined ? undefined : Promise.withResolvers<void>();
    if (killed !== undefined) {
      const limit = gate.sent + killAfter!;
      gate.onSent = (total) => {
        if (total < limit) return;
        gate.onSent = undefined;
        // What it would send beyond that doesn't arrive.
        gate.pause();
        killed.resolve(engine.docker(["kill", "--signal", "KILL", name]).then(() => gate.resume()));
      };
    }
    const command = ["/usr/bin/bash", "-euo", "pipefail", "-c", script];
    const finished = await engine.docker(["run", "--rm", ...options, IMAGE, ...command]);
    if (gate.onSent === undefined) await killed?.promise;
    gate.onSent = undefined;
    return finished;
  };
  return {
    registry: `${HOST}:${PORT}`,
    here: registry.host,
    env: { NODE_EXTRA_CA_CERTS: tls.authority },
    run,
    mustRun: async (work) => expectSuccess(await run(work)),
    sent: () => gate.sent,
  };
}

/** A file system with nothing but the names that lead to the machine's programs. */
async function emptyMachine(folder: string): Promise<string> {
  const root = join(folder, "root");
  await mkdir(join(root, "tmp"), { recursive: true });
  for (const name of ["bin", "lib", "lib64", "sbin"]) await symlink(`usr/${name}`, join(root, name));
  const archive = join(folder, "root.tar");
  await mustRun(["tar", "-cf", archive, "-C", root, "."]);
  return archive;
}

async function programs(folder: string): Promise<string> {
  const bin = join(folder, "bin");
  await mkdir(bin);
  const texts = {
    npm: ":",
    npx: 'shift; exec node /opt/varve/dist/bin.js "$@"',
    varve: 'exec node /opt/varve/dist/bin.js "$@"',
  };
  for (const [name, text] of Object.entries(texts))
    await writeFile(join(bin, name), `#!/bin/sh\n${text}\n`, { mode: 0o755 });
  return bin;
}

function expectSuccess({ code, signal, stdout, stderr }: Finished): string {
  if (code !== 0) throw new Error(`a machine ended with ${code ?? signal}\n${stdout}\n${stderr}`);
  return stdout.toString();
}

interface Gate {
  readonly address: { readonly host: string; readonly port: number };
  /** In bytes: what has gone through to the server. */
  sent: number;
  onSent: ((total: number) => void) | undefined;
  pause(): void;
  resume(): void;
}

/** A way to a server that counts what goes there, and can be shut. */
async function openGate(scope: Scope, target: string): Promise<Gate> {
  const [host, port] = target.split(":") as [string, string];
  const open = new Set<Socket>();
  const server = createServer((incoming) => {
    const outgoing = connect(Number(port), host);
    for (const [one, other] of [
      [incoming, outgoing],
      [outgoing, incoming],
    ] as const) {
      open.add(one);
      one.on("error", () => other.destroy());
      one.on("close", () => {
        open.delete(one);
        other.destroySoon();
      });
    }
    incoming.on("data", (chunk: Buffer) => {
      gate.sent += chunk.length;
      gate.onSent?.(gate.sent);
      if (!shut) outgoing.write(chunk);
    });
    incoming.on("end", () => outgoing.end());
    outgoing.pipe(incoming);
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  scope.after(async () => {
    for (const each of open) each.destroy();
    server.close();
    await once(server, "close");
  });
  let shut = false;
  const gate: Gate = {
    address: { host: "127.0.0.1", port: (server.address() as AddressInfo).port },
    sent: 0,
    onSent: undefined,
    pause: () => {
      shut = true;
    },
    resume: () => {
      shut = false;
    },
  };
  return gate;
}
