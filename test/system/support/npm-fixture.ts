import { createHash } from "node:crypto";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "../../support/process.ts";

/** Real npm projects: some 250 packages, and more than 1,000. */
export type NpmFixture = "npm-small" | "npm-large";

/** Where they are installed: not in a folder that others may write to, since what is in it is run. */
const INSTALLED = fileURLToPath(new URL("../../../node_modules/.cache/varve-fixtures", import.meta.url));

/** The folder of a project as its lock file has it, installed from npm's registry when it is first asked for. */
export async function npmFixture(name: NpmFixture): Promise<string> {
  const files = fileURLToPath(new URL(`../fixtures/${name}`, import.meta.url));
  const hash = createHash("sha256");
  for (const file of ["package.json", "package-lock.json", "index.js"]) {
    hash.update(readFileSync(join(files, file)));
  }
  const project = join(INSTALLED, `${name}-${hash.digest("hex").slice(0, 16)}`);
  if (existsSync(project)) return project;
  mkdirSync(INSTALLED, { recursive: true });
  const aside = mkdtempSync(`${project}.`);
  try {
    cpSync(files, aside, { recursive: true });
    const options = ["--ignore-scripts", "--no-audit", "--no-fund", "--loglevel", "error"];
    await mustRun(["npm", "ci", ...options], { cwd: aside, timeoutSeconds: 300 });
    renameSync(aside, project);
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return project;
}
