import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { mustRun, run } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { startService } from "./service.ts";

/** A containerd of its own, gone with the scope. */
export interface Containerd {
  /** Runs `ctr ARGS` against it, which must succeed, and returns what it prints. */
  ctr(...args: string[]): Promise<string>;
}

/**
 * Starts containerd with its data in a temporary folder; layers are unpacked there as plain copies, or for large ones as
 * overlays. No mounts stay.
 */
export async function startContainerd(
  outer: Scope,
  { snapshotter = "native" }: { snapshotter?: "native" | "overlayfs" } = {},
): Promise<Containerd> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const address = join(folder, "containerd.sock");
  const settings = join(folder, "config.toml");
  const others = ["aufs", "btrfs", "devmapper", "native", "overlayfs", "zfs"]
    .filter((name) => name !== snapshotter)
    .map((name) => `io.containerd.snapshotter.v1.${name}`);
  await writeFile(
    settings,
    [
      "version = 2",
      `root = ${JSON.stringify(join(folder, "root"))}`,
      `state = ${JSON.stringify(join(folder, "state"))}`,
      `disabled_plugins = ${JSON.stringify(["io.containerd.grpc.v1.cri", ...others])}`,
      "[grpc]",
      `address = ${JSON.stringify(address)}`,
    ].join("\n"),
  );
  const ctr = (...args: string[]): [string, ...string[]] => [
    ...(["ctr", "--address", address, "--namespace", "varve"] as const),
    ...args,
  ];
  const service = await startService({
    command: ["containerd", "--config", settings],
    logFile: join(folder, "containerd.log"),
    ready: async () => (await run(ctr("version"))).code === 0,
  });
  scope.after(() => service.stop());
  return { ctr: (...args) => mustRun(ctr(...args)) };
}
