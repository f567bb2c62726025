import type { FileHandle } from "node:fs/promises";
import { tmpdir } from "node:os";
import { unnamedFile, writeChunks } from "#util";

/**
 * Keeps bytes in a temporary file that has no name, so that it is gone when it is closed, or when the process ends in
 * whatever way.
 * @throws VarveError `UNWRITABLE`; and whatever the chunks throw
 */
export async function spool(
  chunks: AsyncIterable<Uint8Array>,
): Promise<{ readonly file: FileHandle; readonly size: number }> {
  const file = await unnamedFile(tmpdir());
  try {
    return { file, size: await writeChunks(file.fd, chunks, `a temporary file in ${tmpdir()}`) };
  } catch (error) {
    await file.close();
    throw error;
  }
}
