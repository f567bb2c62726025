import { compress } from "#compress";
import { type AsideFile, type BorrowedChunks, writeFileAside } from "#util";

/** Where the bytes of an archive go. */
export interface ArchiveOutput {
  /** Its name in messages. */
  readonly name: string;
  /**
   * Takes all bytes; when they fail, it leaves nothing that looks finished.
   * @param signal - ends the wait for somebody who reads them
   */
  write(chunks: BorrowedChunks, signal?: AbortSignal): Promise<void>;
  /** Takes all bytes, and keeps them where nobody looks until they are moved. Absent for what passes them on as they come. */
  writeAside?(chunks: BorrowedChunks, signal?: AbortSignal): Promise<AsideFile>;
}

/** What is done with a file beside writing it. */
export interface FileOutputOptions {
  /** Passes on the bytes of the file, after compression. If it throws at their end, no file is written. */
  readonly check?: (chunks: AsyncIterable<Uint8Array>) => AsyncIterable<Uint8Array>;
}

/** A file, written whole or not at all; compressed with gzip if its name ends in `.gz` or `.tgz`, with zstd if in `.zst`. */
export function fileOutput(
  path: string,
  { check = (chunks) => chunks }: FileOutputOptions = {},
): ArchiveOutput {
  const algorithm = /\.(gz|tgz)$/.test(path) ? "gzip" : /\.zst$/.test(path) ? "zstd" : "none";
  const writeAside = (chunks: BorrowedChunks, signal?: AbortSignal) =>
    writeFileAside(path, check(compress(chunks, { algorithm })), { signal });
  return {
    name: path,
    async write(chunks, signal) {
      await using file = await writeAside(chunks, signal);
      await file.moveIntoPlace();
    },
    writeAside,
  };
}
