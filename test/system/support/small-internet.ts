import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { startRegistry } from "./registry.ts";
import { startService } from "./service.ts";
import { makeCertificate } from "./tls.ts";

/** Registries that the documentation names, by the hosts that are asked. */
const HOSTS = ["registry-1.docker.io", "ghcr.io"];

/** A network of its own, in which these hosts are a registry on this machine; gone with the scope. */
export interface SmallInternet {
  /** What lets programs trust the registry. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes any command one that is in the network and nowhere else. It begins in the folder. */
  inside(command: readonly string[], cwd?: string): readonly [string, ...string[]];
}

/** Starts a registry under public names, where nothing but the loopback interface is. */
export async function startSmallInternet(outer: Scope): Promise<SmallInternet> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const hosts = join(folder, "hosts");
  await writeFile(hosts, ["localhost", ...HOSTS].map((host) => `127.0.0.1 ${host}\n`).join(""));
  const setUp = 'ip link set lo up && mount --bind "$1" /etc/hosts && echo ready && exec sleep infinity';
  const namespaces = ["--net", "--mount", "--propagation", "private"];
  const keeper = await startService({
    command: ["unshare", ...namespaces, "sh", "-c", setUp, "sh", hosts],
    logFile: join(folder, "network.log"),
    ready: (log) => log === "ready\n",
  });
  scope.after(() => keeper.stop("SIGKILL"));
  // Who enters a mount namespace finds itself in its root folder.
  const enter = 'cd "$1" && shift && exec "$@"';
  const inside = (command: readonly string[], cwd = "/"): readonly [string, ...string[]] => [
    ...(["nsenter", "--net", "--mount", "--target", String(keeper.pid), "--"] as const),
    ...["sh", "-c", enter, "sh", cwd],
    ...command,
  ];
  const tls = await makeCertificate(scope, HOSTS);
  await startRegistry(scope, { tls, port: 443, inside });
  return { inside, env: { NODE_EXTRA_CA_CERTS: tls.authority } };
}
