/**
 * Fetches what the examples are made of: Debian packages, with `apt-get download`, into the folder `debs` beside this
 * file or another one. `packages.nix` makes Nix packages of them, so that the examples need no nixpkgs.
 *
 *     node examples/nix/prepare.ts [FOLDER]
 *
 * Needs Debian or Ubuntu with apt's lists (`apt-get update`), and no rights but to write into the folder.
 */
import { execFileSync } from "node:child_process";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/** What `packages.nix` names; the libraries that these are linked with come by themselves. */
const ROOTS = [
  "bash",
  "bsdutils",
  "ca-certificates",
  "coreutils",
  "diffutils",
  "ed",
  "fakeroot",
  "findutils",
  "gawk",
  "grep",
  "gzip",
  "hello",
  "libatomic1",
  "libcap2-bin",
  "libstdc++6",
  "mount",
  "nano",
  "nginx",
  "nginx-common",
  "nix-bin",
  "passwd",
  "patchelf",
  "redis-server",
  "redis-tools",
  "sed",
  "sqlite3",
  "tar",
  "util-linux",
  "vim-tiny",
];

interface DebianPackage {
  readonly name: string;
  readonly version: string;
  /** The package's file in the folder. */
  readonly file: string;
  /** The names of packages with libraries that it is linked with. */
  readonly depends: readonly string[];
}

/**
 * Fetches the packages that are not in the folder yet, and writes `packages.json` and `bootstrap/bin/busybox`. Several may do so at
 * the same time: each file appears whole.
 */
export function prepare(folder: string): void {
  mkdirSync(join(folder, "bootstrap/bin"), { recursive: true });
  const work = mkdtempSync(join(folder, ".work-"));
  try {
    const show = showIn(join(work, "apt"));
    const packages = closureOf(ROOTS, show);
    const busybox = closureOf(["busybox-static"], show);
    const missing = [...packages, ...busybox].filter(({ file }) => !existsSync(join(folder, file)));
    if (missing.length > 0) {
      const wanted = missing.map(({ name, version }) => `${name}=${version}`);
      execFileSync("apt-get", ["download", "-qq", ...wanted], {
        cwd: work,
        stdio: ["ignore", "ignore", "pipe"],
      });
      for (const { file } of missing) renameSync(join(work, file), join(folder, file));
    }
    const index = packages.map(({ name, ...rest }) => [name, rest]);
    writeFileSync(join(work, "packages.json"), `${JSON.stringify(Object.fromEntries(index), null, 1)}\n`);
    renameSync(join(work, "packages.json"), join(folder, "packages.json"));
    // The first program in the store has to be one that needs no other.
    const tree = join(work, "tree");
    execFileSync("dpkg-deb", ["-x", join(folder, busybox[0]!.file), tree]);
    const from = [join(tree, "bin/busybox"), join(tree, "usr/bin/busybox")].find((path) => existsSync(path))!;
    chmodSync(from, 0o755);
    renameSync(from, join(folder, "bootstrap/bin/busybox"));
  } finally {
    rmSync(work, { recursive: true });
  }
}

/** The packages of these names and of the libraries they need, in the order of their names. */
function closureOf(
  roots: readonly string[],
  show: (names: readonly string[]) => DebianPackage[],
): DebianPackage[] {
  const found = new Map<string, DebianPackage>();
  for (let wanted = [...roots]; wanted.length > 0; ) {
    for (const one of show(wanted)) found.set(one.name, one);
    const needed = [...found.values()].flatMap(({ depends }) => depends);
    wanted = [...new Set(needed)].filter((name) => !found.has(name));
  }
  return [...found.values()].sort((one, other) => (one.name < other.name ? -1 : 1));
}

/** What apt says of packages. What it has read of its lists is kept in a folder, which an image of Debian forgets otherwise. */
function showIn(cache: string): (names: readonly string[]) => DebianPackage[] {
  mkdirSync(join(cache, "archives/partial"), { recursive: true });
  const places = [`=${cache}`, "::pkgcache=pkgcache.bin", "::srcpkgcache=srcpkgcache.bin"];
  const options = places.flatMap((place) => ["-o", `Dir::Cache${place}`]);
  return (names) => {
    const command = ["show", ...options, "--no-all-versions", ...names];
    const text = execFileSync("apt-cache", command, { encoding: "utf8" });
    return text
      .split("\n\n")
      .filter((stanza) => stanza.trim() !== "")
      .map(packageOf);
  };
}

function packageOf(stanza: string): DebianPackage {
  const field = (name: string) => new RegExp(`^${name}: (.*)$`, "m").exec(stanza)?.[1] ?? "";
  const [name, version] = [field("Package"), field("Version")];
  const depends = `${field("Pre-Depends")}, ${field("Depends")}`
    .split(",")
    .map((alternatives) => /^\s*([^\s:(|]+)/.exec(alternatives)?.[1] ?? "")
    .filter(isLibrary);
  const file = `${name}_${version.replaceAll(":", "%3a")}_${field("Architecture")}.deb`;
  // Debian's C library needs the compiler's, which needs the C library; Nix knows no circles.
  return { name, version, file, depends: name === "libc6" ? [] : [...new Set(depends)].sort() };
}

/** Scripts and what they need are no part of the examples. */
function isLibrary(name: string): boolean {
  return /^(lib|zlib)/.test(name) && !/-perl$|^libpam-(runtime|modules)|^libnginx-mod/.test(name);
}

if (import.meta.main ?? process.argv[1] === fileURLToPath(import.meta.url)) {
  prepare(resolve(process.argv[2] ?? fileURLToPath(new URL("debs", import.meta.url))));
}
