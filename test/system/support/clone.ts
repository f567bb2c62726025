import { cpSync, existsSync, mkdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { mustRun } from "../../support/process.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

/** Copies into a folder what a clone has, as it is on disk: the repository's files, and nothing that npm makes. */
export async function cloneRepository(folder: string): Promise<void> {
  const options = ["-z", "--cached", "--others", "--exclude-standard"];
  const files = await mustRun(["git", "ls-files", ...options], { cwd: repository });
  // Those that were removed since the last commit are listed, too.
  for (const file of files.split("\0").filter((name) => name !== "" && existsSync(join(repository, name)))) {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    cpSync(join(repository, file), join(folder, file));
  }
}
