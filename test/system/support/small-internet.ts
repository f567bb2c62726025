import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { startRegistry } from "./registry.ts";
import { openRelay } from "./relay.ts";
import { startService } from "./service.ts";
import { makeCertificate } from "./tls.ts";

/** Registries that the documentation names, by the hosts that are asked. */
const HOSTS = ["registry-1.docker.io", "ghcr.io", "gcr.io"];

/** One that wants a name and a password. */
const PRIVATE = { host: "registry.example.com", port: 5000 };

export interface SmallInternetOptions {
  /** Whether npm's registry, the real one, can be reached. */
  readonly npm?: boolean;
  /** Who may use `registry.example.com:5000`; it isn't there when left out. */
  readonly account?: { readonly user: string; readonly password: string };
}

/** A network of its own, in which these hosts are a registry on this machine; gone with the scope. */
export interface SmallInternet {
  /** What lets programs trust the registry. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes any command one that is in the network and nowhere else. It begins in the folder. */
  inside(command: readonly string[], cwd?: string): readonly [string, ...string[]];
}

/** Starts a registry under public names, where nothing but the loopback interface is. */
export async function startSmallInternet(
  outer: Scope,
  { npm = false, account }: SmallInternetOptions = {},
): Promise<SmallInternet> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const hosts = join(folder, "hosts");
  const names = ["localhost", ...HOSTS, PRIVATE.host].map((host) => `127.0.0.1 ${host}\n`);
  const packages = npm ? await npmRegistry() : undefined;
  if (packages !== undefined) names.push(`127.0.0.2 ${packages.host}\n`);
  await writeFile(hosts, names.join(""));
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
  const tls = await makeCertificate(scope, [...HOSTS, PRIVATE.host]);
  await startRegistry(scope, { tls, port: 443, inside });
  if (account !== undefined) {
    const htpasswd = join(folder, "htpasswd");
    await mustRun(["htpasswd", "-Bbc", htpasswd, account.user, account.password]);
    await startRegistry(scope, { tls, port: PRIVATE.port, inside, htpasswd });
  }
  if (packages === undefined) return { inside, env: { NODE_EXTRA_CA_CERTS: tls.authority } };
  await openRelay(scope, { inside, from: { host: "127.0.0.2", port: packages.port }, to: packages });
  // Whoever trusts more than the usual authorities needs that for npm.
  const trusted = process.env["NODE_EXTRA_CA_CERTS"];
  const authorities = join(folder, "authorities.pem");
  const own = trusted === undefined ? "" : await readFile(trusted, "utf8");
  await writeFile(authorities, `${own}\n${await readFile(tls.authority, "utf8")}`);
  return { inside, env: { NODE_EXTRA_CA_CERTS: authorities, SSL_CERT_FILE: authorities } };
}

/** Where this machine's npm gets packages. */
async function npmRegistry(): Promise<{ host: string; port: number }> {
  const { hostname, port, protocol } = new URL((await mustRun(["npm", "config", "get", "registry"])).trim());
  return { host: hostname, port: Number(port) || (protocol === "http:" ? 80 : 443) };
}
