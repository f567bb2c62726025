import { cpSync, globSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { type Scope, temporaryFolder } from "../../support/tmp.ts";

/** A folder with what this machine's own Debian says of its packages, and nothing of these. */
export async function debianFacts(t: Scope): Promise<string> {
  const tree = await temporaryFolder(t);
  const files = [
    "usr/lib/os-release",
    "var/lib/dpkg/status",
    ...globSync("usr/share/doc/*/copyright", { cwd: "/" }),
  ];
  for (const file of files) {
    mkdirSync(dirname(join(tree, file)), { recursive: true });
    cpSync(join("/", file), join(tree, file), { dereference: true });
  }
  return tree;
}
