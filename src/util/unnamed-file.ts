import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { writeError } from "#errors";

/**
 * Opens a file that has no name, so that it is gone when it is closed, or when the process ends in whatever way.
 * @param folder where its bytes are
 * @throws VarveError `UNWRITABLE`
 */
export async function unnamedFile(folder: string): Promise<FileHandle> {
  try {
    const own = await mkdtemp(join(folder, "varve-"));
    try {
      return await open(join(own, "spool"), "wx+", 0o600);
    } finally {
      await rm(own, { recursive: true, force: true });
    }
  } catch (error) {
    throw writeError(`a temporary file in ${folder}`, error);
  }
}
