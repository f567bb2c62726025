import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Where they are kept: not in a folder that others may write to, since what is in it is run. */
const KEPT = fileURLToPath(new URL("../../../node_modules/.cache/varve-fixtures", import.meta.url));

/** A folder that is kept for the next run of the tests: `make` fills it when it is first asked for by its name. */
export async function keptFolder(name: string, make: (folder: string) => Promise<void>): Promise<string> {
  const folder = join(KEPT, name);
  if (existsSync(folder)) return folder;
  mkdirSync(KEPT, { recursive: true });
  const aside = mkdtempSync(`${folder}.`);
  try {
    await make(aside);
    renameSync(aside, folder);
  } catch (error) {
    // Another test file may have made it meanwhile, which a folder doesn't replace.
    if ((error as NodeJS.ErrnoException).syscall !== "rename" || !existsSync(folder)) throw error;
  } finally {
    rmSync(aside, { recursive: true, force: true });
  }
  return folder;
}
