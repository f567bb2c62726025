import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { type Scope, stacked, temporaryFolder } from "../../support/tmp.ts";
import { answersPing } from "../../system/support/dockerd.ts";
import { startService } from "../../system/support/service.ts";
import { peer, peersFolder } from "./peers.ts";

/** The Debian release that it is of; as in `scripts/peers`. */
const root = join(peersFolder(), "docker@trixie", "root");

/** What keeps an engine's images. */
export type DockerStore = "graph driver" | "containerd";

/** For the `skip` option of a test: why there is none, if so. */
export const noNewerDocker = existsSync(root)
  ? false
  : "Debian's newer Docker Engine is not there; scripts/peers unpacks it, on Debian as root";

/**
 * Starts the Docker Engine of a newer Debian in a root of its own, with mounts that are gone with it.
 * @param store what keeps its images: a graph driver, or containerd
 * @returns the Unix socket that it listens on
 */
export async function startNewerDocker(outer: Scope, store: DockerStore): Promise<string> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  for (const name of ["run", "data"]) mkdirSync(join(folder, name));
  writeFileSync(
    join(folder, "run", "daemon.json"),
    JSON.stringify(settingsFor(store, { run: "/run", data: "/data" })),
  );
  const script = [
    "set -e",
    // The engine unpacks layers in a root that it has to be able to mount anew.
    'mount --bind "$0" "$0"',
    'mount --bind "$1/run" "$0/run"',
    'mount --bind "$1/data" "$0/data"',
    'mount --bind /proc "$0/proc"',
    'mount --rbind /sys "$0/sys"',
    'mount --rbind /dev "$0/dev"',
    // With chroot alone, what is run in a container that is there already would have this machine's root.
    'cd "$0"',
    "/usr/sbin/pivot_root . tmp",
    '"/tmp$2" umount -l /tmp',
    "export PATH=/usr/sbin:/usr/bin",
    "exec /usr/sbin/dockerd --config-file /run/daemon.json",
  ];
  const socket = join(folder, "run", "docker.sock");
  // One that needs no libraries, of which the root has others.
  const busybox = (await mustRun(["sh", "-c", "command -v busybox"])).trim();
  const service = await startService({
    command: ["unshare", "--mount", "sh", "-c", script.join("\n"), root, folder, busybox],
    logFile: join(folder, "dockerd.log"),
    ready: () => answersPing(socket),
  });
  scope.after(() => service.stop());
  return socket;
}

/**
 * Starts the Docker Engine of Moby's sources, with the containerd and runc that `scripts/peers` has built as well; what it mounts is
 * gone with it.
 * @returns the Unix socket that it listens on
 */
export async function startCurrentDocker(outer: Scope, store: DockerStore): Promise<string> {
  const scope = stacked(outer);
  const folder = await temporaryFolder(scope);
  const settings = settingsFor(store, { run: folder, data: join(folder, "data") });
  // The runc is built without libseccomp.
  writeFileSync(
    join(folder, "daemon.json"),
    JSON.stringify({ ...settings, "seccomp-profile": "unconfined" }),
  );
  const programs = ["containerd", "containerd-shim-runc-v2", "runc"].map((name) => dirname(peer(name)));
  const socket = join(folder, "docker.sock");
  const service = await startService({
    command: ["unshare", "--mount", peer("dockerd"), "--config-file", join(folder, "daemon.json")],
    env: { PATH: [...programs, process.env["PATH"]].join(delimiter) },
    logFile: join(folder, "dockerd.log"),
    ready: () => answersPing(socket),
  });
  scope.after(() => service.stop());
  return socket;
}

/** The settings of an engine that touches no network. */
function settingsFor(store: DockerStore, { run, data }: { run: string; data: string }) {
  return {
    hosts: [`unix://${run}/docker.sock`],
    "data-root": data,
    "exec-root": `${run}/exec`,
    pidfile: `${run}/docker.pid`,
    bridge: "none",
    iptables: false,
    ip6tables: false,
    "ip-forward": false,
    "exec-opts": ["native.cgroupdriver=cgroupfs"],
    features: { "containerd-snapshotter": store === "containerd" },
  };
}
