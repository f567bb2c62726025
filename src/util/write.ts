/** Writes streams of bytes to descriptors and files. */
import { randomUUID } from "node:crypto";
import { close as closeCallback, open as openCallback, write as writeCallback } from "node:fs";
import { realpath, rename, rm, stat } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { errnoOf, VarveError, writeError } from "../errors.ts";

const close = promisify(closeCallback);
const open = promisify(openCallback);
const write = promisify(writeCallback);

/** How long to wait, in milliseconds, before a pipe that was full is tried again. */
const FULL_PIPE_PAUSE = 2;

/**
 * Writes all chunks to an open descriptor. While one chunk is being written the next is asked for, so that reading
 * and hashing go on beside writing.
 * @param name names the output in errors
 * @returns how many bytes were written
 * @throws VarveError `OUTPUT_CLOSED` when the reader went away, `UNWRITABLE`; and whatever the chunks throw
 */
export async function writeChunks(
  fd: number,
  chunks: AsyncIterable<Uint8Array>,
  name: string,
): Promise<number> {
  let total = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of chunks) {
      await writing;
      writing = writeWhole(fd, chunk, name);
      // Its failure is met at the next turn; until then it must not count as nobody's.
      writing.catch(() => {});
      total += chunk.length;
    }
  } finally {
    // Where the chunks fail, too: the caller closes the descriptor, and its number may be another file's then.
    await writing.catch(() => {});
  }
  await writing;
  return total;
}

async function writeWhole(fd: number, chunk: Uint8Array, name: string): Promise<void> {
  let written = 0;
  while (written < chunk.length) {
    try {
      const { bytesWritten } = await write(fd, chunk, written, chunk.length - written, null);
      written += bytesWritten;
    } catch (error) {
      // A pipe that somebody set to non-blocking; there is nothing to wait on but time.
      if (errnoOf(error) !== "EAGAIN") throw writeError(name, error);
      await setTimeout(FULL_PIPE_PAUSE);
    }
  }
}

/**
 * Writes a file whole or not at all: beside its place first, then renamed into it. What isn't a regular file (a
 * device, a pipe) is written directly; a symbolic link stays, and what it leads to is written.
 * @returns how many bytes were written
 * @throws VarveError `UNWRITABLE`, `OUTPUT_CLOSED`; and whatever the chunks throw
 */
export async function writeFileAtomically(path: string, chunks: AsyncIterable<Uint8Array>): Promise<number> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw new VarveError("UNWRITABLE", `cannot write ${path}: it is a directory`);
  if (found !== undefined && !found.isFile()) return await writeTo(path, { flags: "w", chunks, name: path });
  const place = found === undefined ? path : await realpath(path);
  // Nobody else's name: a file of a run that was killed may still be there, its process's number taken again.
  const aside = asidePath(place);
  try {
    const written = await writeTo(aside, { flags: "wx", chunks, name: path });
    await rename(aside, place).catch((error) => {
      throw writeError(path, error);
    });
    return written;
  } catch (error) {
    await rm(aside, { force: true }).catch(() => {});
    throw error;
  }
}

function asidePath(path: string): string {
  return `${path}.varve-${randomUUID()}.tmp`;
}

/** The path for which a file is being written aside; undefined for a path that isn't such a file's. */
export function placeOfAside(path: string): string | undefined {
  return /^(.*)\.varve-[0-9a-f-]{36}\.tmp$/s.exec(path)?.[1];
}

interface WriteTarget {
  readonly flags: string;
  readonly chunks: AsyncIterable<Uint8Array>;
  /** The path that the user named. */
  readonly name: string;
}

async function writeTo(path: string, { flags, chunks, name }: WriteTarget): Promise<number> {
  const failed = (error: unknown): never => {
    throw writeError(name, error);
  };
  const fd = await open(path, flags).catch(failed);
  let written: number;
  try {
    written = await writeChunks(fd, chunks, name);
  } catch (error) {
    await close(fd).catch(() => {});
    throw error;
  }
  // Some file systems tell only now that there was no space.
  await close(fd).catch(failed);
  return written;
}
