/** Stand-ins for the base images of Node.js projects, made of Debian's files and the repository's own Node.js. */
import { appendFileSync, chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { copyProgram, debianTree, mergeUsr } from "./debian.ts";
import type { Images } from "./images.ts";
import type { Registry } from "./registry.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** As the official images have it: what is no program is a file or a flag for Node.js. */
const ENTRY_POINT = `#!/bin/sh
case "\${1-}" in
  -*) set -- node "$@" ;;
  *) command -v "\${1-}" >/dev/null || set -- node "$@" ;;
esac
exec "$@"
`;

/** Options of `varve build` for bases: compressed, as they are in registries, but as little as that takes. */
export const QUICKLY = ["--quiet", "--compression", "gzip:1"];

/**
 * One that is made up as `node:MAJOR-slim` is: a small Debian with an entry point, and a user named node.
 * @param folder where its files are put
 * @returns the path of its spec
 */
export async function officialNode(folder: string): Promise<string> {
  const tree = join(folder, "official");
  await debianTree(tree);
  for (const program of ["sh", "env"]) await copyProgram(program, tree);
  await copyProgram(process.execPath, tree, "/usr/local/bin/node");
  // Libraries of Debian's libc6 that only packages load.
  const [beside] = /\S+(?=\/libc\.so\.6 )/.exec(await mustRun(["ldd", process.execPath])) ?? [""];
  for (const name of ["libresolv.so.2", "librt.so.1", "libutil.so.1"]) {
    cpSync(join(beside, name), join(tree, beside, name), { dereference: true });
  }
  writeFileSync(join(tree, "usr/local/bin/docker-entrypoint.sh"), ENTRY_POINT, { mode: 0o755 });
  cpSync("/etc/hosts", join(tree, "etc/hosts"), { dereference: true });
  chmodSync(join(tree, "tmp"), 0o1777);
  addUser(tree, { name: "node", id: 1000 });
  return writeSpec(tree, {
    permissions: [{ path: "/home/node", uid: 1000, gid: 1000 }],
    config: {
      Entrypoint: ["docker-entrypoint.sh"],
      Cmd: ["node"],
      Env: [`PATH=${PATH}`, `NODE_VERSION=${process.versions.node}`],
    },
  });
}

/** Builds an official one with varve, and pushes it to a registry; its place. */
export async function pushNodeBase(images: Images, { host }: Registry): Promise<string> {
  const spec = await officialNode(images.folder);
  const [major] = process.versions.node.split(".");
  const reference = `${host}/node:${major}-slim`;
  await images.varve(["build", spec, ...QUICKLY, "--push", reference]);
  return `docker://${reference}`;
}

/** One that is made up as Google's distroless ones are: Node.js is its entry point, and there is no shell. */
export async function distrolessNode(folder: string): Promise<string> {
  const tree = join(folder, "distroless");
  mergeUsr(tree);
  await copyProgram(process.execPath, tree, "/nodejs/bin/node");
  for (const name of ["etc", "tmp"]) mkdirSync(join(tree, name));
  chmodSync(join(tree, "tmp"), 0o1777);
  writeFileSync(join(tree, "etc/passwd"), "root:x:0:0:root:/root:/bin/sh\n");
  writeFileSync(join(tree, "etc/group"), "root:x:0:\n");
  addUser(tree, { name: "nonroot", id: 65532 });
  return writeSpec(tree, { config: { Entrypoint: ["/nodejs/bin/node"], Env: [`PATH=${PATH}`] } });
}

function addUser(tree: string, { name, id }: { readonly name: string; readonly id: number }): void {
  mkdirSync(join(tree, "home", name), { recursive: true });
  appendFileSync(join(tree, "etc/passwd"), `${name}:x:${id}:${id}::/home/${name}:/bin/sh\n`);
  appendFileSync(join(tree, "etc/group"), `${name}:x:${id}:\n`);
}

function writeSpec(tree: string, settings: object): string {
  const spec = `${tree}.json`;
  writeFileSync(spec, JSON.stringify({ name: "node", copyToRoot: [tree], ...settings }));
  return spec;
}
