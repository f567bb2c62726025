import { createHash } from "node:crypto";
import { cpSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "../../support/process.ts";
import { keptFolder } from "./kept.ts";

/** Real npm projects: some 250 packages, and more than 1,000. */
export type NpmFixture = "npm-small" | "npm-large";

/** The folder of a project as its lock file has it, installed from npm's registry when it is first asked for. */
export async function npmFixture(name: NpmFixture): Promise<string> {
  const files = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json", "index.js"]) {
    hash.update(readFileSync(join(files, file)));
  }
  return keptFolder(`${name}-${hash.digest("hex").slice(0, 16)}`, async (project) => {
    cpSync(files, project, { recursive: true });
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    await mustRun(["npm", "ci", ...options], { cwd: project, timeoutSeconds: 300 });
  });
}
