import { type FileHandle, mkdtemp, open, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { writeError } from "#errors";
import { writeChunks } from "#util";

/**
 * Keeps bytes in a temporary file that has no name, so that it is gone when it is closed, or when the process ends in
 * whatever way.
 * @throws VarveError `UNWRITABLE`; and whatever the chunks throw
 */
export async function spool(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const file = await unnamedFile();
  try {
    return { file, size: await writeChunks(file.fd, chunks, `a temporary file in ${tmpdir()}`) };
  } catch (error) {
    await file.close();
    throw error;
  }
}

async function unnamedFile(): Promise<FileHandle> {
  try {
    const folder = await mkdtemp(join(tmpdir(), "varve-"));
    try {
      return await open(join(folder, "spool"), "wx+", 0o600);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  } catch (error) {
    throw writeError(`a temporary file in ${tmpdir()}`, error);
  }
}
