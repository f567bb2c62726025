import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";

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
  const options = [
    "--tmpdir",
    join(folder, "tmp"),
    "--cgroup-manager",
    "cgroupfs",
    "--events-backend",
    "none",
  ];
  const env = { CONTAINERS_STORAGE_CONF: settings, HOME: folder };
  return (...args) => mustRun(["podman", ...options, ...args], { env, cwd });
}
