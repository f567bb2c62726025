import { cpSync, existsSync, mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { mustRun } from "../../support/process.ts";

/** What of Debian `useradd` needs, with the libraries that the programs are linked with. */
const PROGRAMS = ["bash", "useradd", "groupadd", "id", "chown", "ls", "cat"];
const FILES = ["/etc/login.defs", "/etc/pam.d", "/etc/nsswitch.conf", "/etc/skel", "/etc/default/useradd"];

/** Copies a program of this machine, there or to another path, and the libraries that it is linked with, below a folder. */
export async function copyProgram(program: string, tree: string, as?: string): Promise<void> {
  const path = (await mustRun(["sh", "-c", 'command -v "$1"', "sh", program])).trim();
  copy(path, tree, as);
  for (const [library] of (await mustRun(["ldd", path])).matchAll(/\/\S+(?= \()/g)) copy(library, tree);
}

function copy(path: string, tree: string, as = path): void {
  if (existsSync(join(tree, as))) return;
  mkdirSync(dirname(join(tree, as)), { recursive: true });
  cpSync(path, join(tree, as), { recursive: true, dereference: true });
}

/** Makes the links of a usr-merged Debian in a folder. */
export function mergeUsr(tree: string): void {
  for (const name of ["bin", "lib", "lib64", "sbin"]) {
    mkdirSync(join(tree, "usr", name), { recursive: true });
    symlinkSync(`usr/${name}`, join(tree, name));
  }
}

/** A folder with a small usr-merged Debian, made of this machine's files. */
export async function debianTree(tree: string): Promise<void> {
  mergeUsr(tree);
  for (const name of ["etc", "home", "root", "tmp", "var/lib"])
    mkdirSync(join(tree, name), { recursive: true });
  for (const program of PROGRAMS) await copyProgram(program, tree);
  for (const path of FILES) if (existsSync(path)) copy(path, tree);
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/bash\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\n");
  writeFileSync(join(tree, "etc/shadow"), "root:*:19000:0:99999:7:::\n", { mode: 0o640 });
  writeFileSync(join(tree, "etc/gshadow"), "root:*::\n", { mode: 0o640 });
}
