/** Writes streams of bytes to descriptors and files. */
import { randomBytes } from "node:crypto";
import { close as closeCallback, open as openCallback, write as writeCallback } from "node:fs";
import { readdir, realpath, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { promisify } from "node:util";
import { errnoOf, VarveError, writeError } from "#errors";
import { currentOwner, hasEnded, type Owner, ownedName, ownerOfName } from "./owner.ts";

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
  return await writeToReader(fd, chunks, { name });
}

export interface ReaderOptions {
  /** Names the output in errors. */
  readonly name: string;
  /** Stops waiting for a reader that takes nothing. What is being written at that time may be written later, or never. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes all chunks as {@link writeChunks} does, to a descriptor that may have to wait for a reader.
 * @throws VarveError `OUTPUT_CLOSED` when the reader went away, `UNWRITABLE`, `ABORTED`; and whatever the chunks throw
 */
export async function writeToReader(
  fd: number,
  chunks: AsyncIterable<Uint8Array>,
  { name, signal }: ReaderOptions,
): Promise<number> {
  let total = 0;
  let writing: Promise<void> = Promise.resolve();
  try {
    for await (const chunk of chunks) {
      await unlessAborted(writing, { name, signal });
      writing = writeWhole(fd, chunk, name);
      // A failure is handled in the next turn; until then it must not count as an unhandled rejection.
      writing.catch(() => {});
      total += chunk.length;
    }
  } finally {
    // Even if the chunks fail: the caller closes the descriptor, and its number may belong to another file then.
    await unlessAborted(writing, { name, signal }).catch(() => {});
  }
  await unlessAborted(writing, { name, signal });
  return total;
}

/** Waits for a promise, but throws `ABORTED` as soon as the signal says so. */
async function unlessAborted<T>(promise: Promise<T>, { name, signal }: ReaderOptions): Promise<T> {
  if (signal === undefined) return await promise;
  const abortion = Promise.withResolvers<never>();
  const abort = () =>
    abortion.reject(new VarveError("ABORTED", `writing ${name} was cancelled`, { cause: signal.reason }));
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, abortion.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
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

/** A file that is complete, beside its place. It is removed when it is disposed of without having been moved there. */
export interface AsideFile extends AsyncDisposable {
  /** In bytes. */
  readonly size: number;
  /** @throws VarveError `UNWRITABLE` */
  moveIntoPlace(): Promise<void>;
}

interface WriteFileOptions {
  /** Ends the wait for a pipe's reader. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Writes a file whole or not at all: beside its place first, then renamed into it. What isn't a regular file (a
 * device, a pipe) is written directly; a symbolic link stays, and what it leads to is written. What processes that were
 * killed have left beside the place is removed.
 * @returns how many bytes were written
 * @throws VarveError `UNWRITABLE`, `OUTPUT_CLOSED`, `ABORTED`; and whatever the chunks throw
 */
export async function writeFileAtomically(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  options: WriteFileOptions = {},
): Promise<number> {
  await using file = await writeFileAside(path, chunks, options);
  await file.moveIntoPlace();
  return file.size;
}

/**
 * The first half of {@link writeFileAtomically}. What isn't a regular file has all bytes after it.
 * @throws VarveError as that
 */
export async function writeFileAside(
  path: string,
  chunks: AsyncIterable<Uint8Array>,
  { signal }: WriteFileOptions = {},
): Promise<AsideFile> {
  const found = await stat(path).catch(() => undefined);
  if (found?.isDirectory()) throw new VarveError("UNWRITABLE", `cannot write ${path}: it is a directory`);
  if (found !== undefined && !found.isFile()) {
    const size = await writeTo(path, { flags: "w", chunks, name: path, signal });
    return { size, async moveIntoPlace() {}, async [Symbol.asyncDispose]() {} };
  }
  const place = found === undefined ? path : await realpath(path);
  const owner = await currentOwner();
  await removeRemains(place, owner);
  const aside = asidePath(place, owner);
  const remove = () => rm(aside, { force: true }).catch(() => {});
  try {
    return {
      size: await writeTo(aside, { flags: "wx", chunks, name: path, signal }),
      async moveIntoPlace() {
        await rename(aside, place).catch((error) => {
          throw writeError(path, error);
        });
      },
      [Symbol.asyncDispose]: remove,
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

const ASIDE = ".varve-";
const ASIDE_END = ".tmp";

function asidePath(path: string, owner: Owner): string {
  const unique = randomBytes(4).toString("hex");
  return `${path}${ASIDE}${ownedName(owner, unique)}${ASIDE_END}`;
}

/** The path that a temporary file is meant for; undefined if the path isn't that of a temporary file. */
export function placeOfAside(path: string): string | undefined {
  if (!path.endsWith(ASIDE_END)) return undefined;
  return /^(.*)\.varve-[0-9a-f-]{26,}\.tmp$/s.exec(path)?.[1];
}

/** Removes what was written aside for a place by processes that have ended since. */
async function removeRemains(place: string, owner: Owner): Promise<void> {
  const folder = dirname(place);
  const prefix = basename(place) + ASIDE;
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(prefix) || !name.endsWith(ASIDE_END)) continue;
    const other = ownerOfName(name.slice(prefix.length));
    // What belongs to another user may stay.
    if (other !== undefined && (await hasEnded(other, owner))) {
      await rm(join(folder, name), { force: true }).catch(() => {});
    }
  }
}

interface WriteTarget extends ReaderOptions {
  readonly flags: string;
  readonly chunks: AsyncIterable<Uint8Array>;
}

async function writeTo(path: string, { flags, chunks, name, signal }: WriteTarget): Promise<number> {
  const failed = (error: unknown): never => {
    throw writeError(name, error);
  };
  // A pipe is opened when somebody reads it, which may be never.
  const fd = await unlessAborted(open(path, flags), { name, signal }).catch(failed);
  let written: number;
  try {
    written = await writeToReader(fd, chunks, { name, signal });
  } catch (error) {
    // What is still being written belongs to this file, and must not go to the next one that gets its number.
    if (!signal?.aborted) await close(fd).catch(() => {});
    throw error;
  }
  // Some file systems report only now that there was no space.
  await close(fd).catch(failed);
  return written;
}
