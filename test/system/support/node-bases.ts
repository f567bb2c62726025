/** Stand-ins for the base images of Node.js projects, made of Debian's files and the repository's own Node.js. */
import { chmodSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { copyProgram, mergeUsr } from "./debian.ts";

const PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** What isn't a program is an argument for Node.js. */
const ENTRYPOINT = `#!/bin/sh
command -v "\${1:-node}" >/dev/null || exec node "$@"
exec "\${@:-node}"
`;

/**
 * One that is made up as `node:MAJOR-slim` is: with an entry point, a shell, and a user named node.
 * @param folder where its files are put
 * @returns the path of its spec
 */
export async function officialNode(folder: string): Promise<string> {
  const tree = join(folder, "official");
  mergeUsr(tree);
  await copyProgram(process.execPath, tree, "/usr/local/bin/node");
  await copyProgram("sh", tree);
  writeAccounts(tree, { name: "node", id: 1000 });
  const entrypoint = join(tree, "usr/local/bin/docker-entrypoint.sh");
  writeFileSync(entrypoint, ENTRYPOINT);
  chmodSync(entrypoint, 0o755);
  return writeSpec(tree, {
    Entrypoint: ["docker-entrypoint.sh"],
    Cmd: ["node"],
    Env: [`PATH=${PATH}`, `NODE_VERSION=${process.versions.node}`],
  });
}

/** One that is made up as Google's distroless ones are: Node.js is its entry point, and there is no shell. */
export async function distrolessNode(folder: string): Promise<string> {
  const tree = join(folder, "distroless");
  mergeUsr(tree);
  await copyProgram(process.execPath, tree, "/nodejs/bin/node");
  writeAccounts(tree, { name: "nonroot", id: 65532 });
  return writeSpec(tree, { Entrypoint: ["/nodejs/bin/node"], Env: [`PATH=${PATH}`] });
}

function writeAccounts(tree: string, { name, id }: { readonly name: string; readonly id: number }): void {
  mkdirSync(join(tree, "etc"), { recursive: true });
  mkdirSync(join(tree, "tmp"), { mode: 0o1777 });
  const home = `/home/${name}`;
  mkdirSync(join(tree, home), { recursive: true });
  const entries = ["root:x:0:0:root:/root:/bin/sh", `${name}:x:${id}:${id}::${home}:/bin/sh`];
  writeFileSync(join(tree, "etc/passwd"), entries.map((line) => `${line}\n`).join(""));
  writeFileSync(join(tree, "etc/group"), `root:x:0:\n${name}:x:${id}:\n`);
}

function writeSpec(tree: string, config: object): string {
  const spec = `${tree}.json`;
  writeFileSync(spec, JSON.stringify({ name: "base", copyToRoot: [tree], config }));
  return spec;
}
