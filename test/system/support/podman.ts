import { existsSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { startService } from "./service.ts";

/** Runs podman with a storage of its own, gone with the scope; returns what it prints. */
export type Podman = (...args: string[]) => Promise<string>;

/**
 * A podman whose images are in a temporary folder: as plain copies, without mounts, or for large ones as overlays. There
 * is no service.
 * @param cwd where it runs
 */
export async function startPodman(
  scope: Scope,
  cwd: string,
  { driver = "vfs" }: { driver?: "vfs" | "overlay" } = {},
): Promise<Podman> {
  const { command, env } = await ownPodman(scope, driver);
  return (...args) => mustRun([...command, ...args], { env, cwd });
}

/** A podman that listens. */
export interface PodmanService {
  /** The Unix socket that it listens on. */
  readonly socket: string;
  readonly run: Podman;
}

/** Starts a podman as {@link startPodman} does, which listens until the scope ends. */
export async function startPodmanService(outer: Scope): Promise<PodmanService> {
  const scope = stacked(outer);
  const { command, env, folder } = await ownPodman(scope, "vfs");
  const socket = join(folder, "podman.sock");
  const service = await startService({
    command: [...command, "system", "service", "--time", "0", `unix://${socket}`],
    env,
    logFile: join(folder, "service.log"),
    ready: () => existsSync(socket),
  });
  scope.after(() => service.stop());
  return { socket, run: (...args) => mustRun([...command, ...args], { env }) };
}

async function ownPodman(scope: Scope, driver: "vfs" | "overlay") {
  const folder = await temporaryFolder(scope);
  const settings = join(folder, "storage.conf");
  await writeFile(
    settings,
    [
      "[storage]",
      `driver = ${JSON.stringify(driver)}`,
      `graphroot = ${JSON.stringify(join(folder, "root"))}`,
      `runroot = ${JSON.stringify(join(folder, "run"))}`,
    ].join("\n"),
  );
  const command: [string, ...string[]] = [
    "podman",
    "--tmpdir",
    join(folder, "tmp"),
    "--cgroup-manager",
    "cgroupfs",
    "--events-backend",
    "none",
  ];
  return { command, env: { CONTAINERS_STORAGE_CONF: settings, HOME: folder }, folder };
}
