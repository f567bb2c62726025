/** A base image like Docker's official `node:MAJOR-slim`: Debian's files of this machine, and this repository's Node.js. */
import { appendFileSync, chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { mustRun } from "../../support/process.ts";
import { copyProgram, debianTree } from "./debian.ts";
import type { Images } from "./images.ts";
import type { Registry } from "./registry.ts";

/** As the official images have it: what is no program is a file or a flag for Node.js. */
const ENTRY_POINT = `#!/bin/sh
case "\${1-}" in
  -*) set -- node "$@" ;;
  *) command -v "\${1-}" >/dev/null || set -- node "$@" ;;
esac
exec "$@"
`;

/** The user that official images have beside root. */
const NODE_USER = "node:x:1000:1000::/home/node:/bin/bash\n";

/** Builds it with varve, and pushes it to a registry; its place. */
export async function pushNodeBase(images: Images, { host }: Registry): Promise<string> {
  const tree = join(images.folder, "node-base");
  await debianTree(tree);
  for (const program of ["sh", "env"]) await copyProgram(program, tree);
  await copyProgram(process.execPath, tree);
  // Libraries of Debian's libc6 that only packages load.
  const [beside] = /\S+(?=\/libc\.so\.6 )/.exec(await mustRun(["ldd", process.execPath])) ?? [""];
  for (const name of ["libresolv.so.2", "librt.so.1", "libutil.so.1"]) {
    cpSync(join(beside, name), join(tree, beside, name), { dereference: true });
  }
  mkdirSync(join(tree, "usr/local/bin"), { recursive: true });
  await mustRun(["mv", join(tree, process.execPath), join(tree, "usr/local/bin/node")]);
  writeFileSync(join(tree, "usr/local/bin/docker-entrypoint.sh"), ENTRY_POINT, { mode: 0o755 });
  appendFileSync(join(tree, "etc/passwd"), NODE_USER);
  appendFileSync(join(tree, "etc/group"), "node:x:1000:\n");
  mkdirSync(join(tree, "home/node"));
  chmodSync(join(tree, "tmp"), 0o1777);
  for (const name of ["hosts", "nsswitch.conf"]) {
    cpSync(`/etc/${name}`, join(tree, "etc", name), { force: true, dereference: true });
  }
  const spec = join(images.folder, "node-base.json");
  writeFileSync(
    spec,
    JSON.stringify({
      name: "node",
      copyToRoot: [tree],
      permissions: [{ path: "/home/node", uid: 1000, gid: 1000 }],
      config: {
        Entrypoint: ["docker-entrypoint.sh"],
        Cmd: ["node"],
        Env: [
          "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
          `NODE_VERSION=${process.versions.node}`,
        ],
      },
    }),
  );
  const [major] = process.versions.node.split(".");
  const reference = `${host}/node:${major}-slim`;
  await images.varve(["build", spec, "--quiet", "--push", reference]);
  return `docker://${reference}`;
}
