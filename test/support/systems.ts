import { appendFileSync, existsSync, readFileSync, realpathSync } from "node:fs";
import { delimiter, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { python } from "./python.ts";

interface System {
  /** The programs which tests run. */
  readonly programs: readonly string[];
  /** What else has to be so: the reason why the system cannot be used, if there is one. */
  readonly obstacle?: () => string | undefined;
}

/** The real systems that tests talk to. `scripts/lib.sh` lists the Debian packages which bring them. */
const systems = {
  root: { programs: [], obstacle: notRoot },
  nix: {
    programs: ["nix", "nix-build", "busybox", "unshare", "mount"],
    obstacle: () => notRoot() ?? nixInItsOwnStore() ?? dynamicBusybox(),
  },
  sandboxes: {
    programs: ["unshare", "newuidmap", "fakeroot", "fuse-overlayfs", "setcap", "getcap"],
    obstacle: notRoot,
  },
  namespaces: { programs: ["unshare", "mount"], obstacle: notRoot },
  nixEvaluation: { programs: ["nix-instantiate"] },
  nixTools: { programs: ["nix-store", "nix-hash", "sqlite3"] },
  debianPackages: { programs: ["apt-get", "apt-cache", "dpkg-deb"] },
  docker: { programs: ["dockerd", "docker", "containerd", "runc", "setpriv"], obstacle: notRoot },
  containerd: { programs: ["containerd", "ctr"], obstacle: notRoot },
  registry: { programs: ["docker-registry", "setpriv"] },
  podman: { programs: ["podman", "crun"], obstacle: notRoot },
  skopeo: { programs: ["skopeo"] },
  umoci: { programs: ["umoci"], obstacle: notRoot },
  busybox: { programs: ["busybox"], obstacle: dynamicBusybox },
  python: {
    programs: [],
    obstacle: () => (python === undefined ? "3.11 is not installed here" : undefined),
  },
  openssl: { programs: ["openssl"] },
  htpasswd: { programs: ["htpasswd"] },
  zstd: { programs: ["zstd"] },
  perl: { programs: ["perl"] },
  pty: { programs: ["script"] },
  make: { programs: ["make", "xargs"] },
  npm: { programs: ["npm"] },
  /** What somebody types who follows a page. */
  network: { programs: ["ip", "curl"] },
  zsh: { programs: ["zsh"] },
  fish: { programs: ["fish"] },
  emulation: { programs: ["qemu-aarch64-static", "unshare", "readelf"], obstacle: notRoot },
  chromium: { programs: ["chromium"] },
} satisfies Record<string, System>;

export type SystemName = keyof typeof systems;

/**
 * For the `skip` option of a test: `false` when all these systems are usable here, otherwise the sentence which says
 * what is missing. With `CI=true` something missing is an error instead, so that nothing is skipped unseen. The
 * sentence is also added to the file that VARVE_SKIPS_FILE names, from which `scripts/check` prints its last lines.
 */
export function requires(...names: readonly SystemName[]): false | string {
  const obstacles = names.map(obstacleTo).filter((obstacle) => obstacle !== undefined);
  if (obstacles.length === 0) return false;
  const reason = obstacles.join("; ");
  if (process.env["CI"] === "true") throw new Error(`with CI=true no test may be skipped, but ${reason}`);
  return leftOut(reason);
}

/**
 * The sentence for the `skip` option of a test that needs something nobody can install, such as another project's sources. It is
 * no error with `CI=true`, but said as all others are.
 */
export function leftOut(reason: string): string {
  const record = process.env["VARVE_SKIPS_FILE"];
  if (record !== undefined) appendFileSync(record, `${testFile()}: ${reason}\n`);
  return reason;
}

function obstacleTo(name: SystemName): string | undefined {
  const system: System = systems[name];
  const missing = system.programs.filter((program) => find(program) === undefined);
  if (missing.length > 0) return `${name} needs ${missing.join(", ")}, not installed here`;
  const obstacle = system.obstacle?.();
  return obstacle === undefined ? undefined : `${name} ${obstacle}`;
}

function find(program: string): string | undefined {
  const folders = (process.env["PATH"] ?? "").split(delimiter);
  return folders.map((folder) => join(folder, program)).find((file) => existsSync(file));
}

function notRoot(): string | undefined {
  return process.getuid?.() === 0 ? undefined : "needs root";
}

/** The tests put a store of their own over /nix, which would hide a Nix that is installed there. */
function nixInItsOwnStore(): string | undefined {
  const nix = realpathSync(find("nix") ?? "/");
  return nix.startsWith("/nix/") ? "is installed in the store dir that the tests replace" : undefined;
}

/** A busybox with shared libraries cannot run in an image that has nothing else in it. */
function dynamicBusybox(): string | undefined {
  const program = find("busybox");
  if (program === undefined) return undefined;
  return readFileSync(program).includes("/ld-linux") ? "needs a static busybox" : undefined;
}

function testFile(): string {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  return relative(root, process.argv[1] ?? "");
}
