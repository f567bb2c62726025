/**
 * Small files in a folder that other processes use at the same time, or may have damaged. A file with any fault counts as
 * missing.
 */
import { randomUUID } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  futimesSync,
  mkdirSync,
  openSync,
  readSync,
  renameSync,
  rmdirSync,
  type Stats,
  unlinkSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { errnoOf } from "#errors";

/** A file that was used within this time isn't marked as used again, in milliseconds. */
const TOUCH_PAUSE = 24 * 60 * 60 * 1000;

const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;

/** Most files here are much smaller, and reading is synchronous, so one buffer is enough. */
const buffer = Buffer.alloc(1024);

export interface ReadOptions {
  /** Marks the file as used at this time, unless that has been done recently; undefined leaves the file alone. */
  readonly touch: number | undefined;
  /** How many bytes it may have. */
  readonly limit: number;
}

/**
 * The text of a small file, one character for each byte; undefined if there is no file that can be trusted. It must be a
 * regular file that only this user or root can have written.
 */
export function readSmallFile(path: string, { touch, limit }: ReadOptions): string | undefined {
  let file: number;
  try {
    // By now it may be a link to anywhere, or a pipe that nobody writes to.
    file = openSync(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch {
    return undefined;
  }
  try {
    const stat = fstatSync(file);
    if (!stat.isFile() || stat.size > limit || !isTrusted(stat)) return undefined;
    const room = stat.size > buffer.length ? Buffer.allocUnsafe(stat.size) : buffer;
    const text = room.toString("latin1", 0, readSync(file, room, 0, room.length, 0));
    if (touch !== undefined && isFarFrom(stat.mtimeMs, touch)) setTime(file, touch);
    return text;
  } catch {
    return undefined;
  } finally {
    closeSync(file);
  }
}

/** Whether two times differ so much, in either direction, that a file is to be marked as used again. */
export function isFarFrom(time: number, now: number): boolean {
  return Math.abs(now - time) >= TOUCH_PAUSE;
}

function isTrusted({ uid, mode }: Stats): boolean {
  const user = process.geteuid?.();
  return user === undefined || ((uid === user || uid === 0) && (mode & 0o022) === 0);
}

function setTime(file: number, time: number): void {
  try {
    futimesSync(file, time / 1000, time / 1000);
  } catch {
    // The file will look older than it is. At worst its layer is measured again.
  }
}

export interface SmallFile {
  readonly text: string;
  /** The time of its last use, in milliseconds since 1970. */
  readonly time: number;
  /** The folder, on the same file system, in which it is written before it is renamed into its place. */
  readonly aside: string;
}

/**
 * Writes a file whole or not at all, and makes the folders it needs. It isn't forced onto the disk: after a power cut
 * it may be empty or torn, which its reader notices.
 * @throws the system's error
 */
export function writeSmallFile(path: string, { text, time, aside }: SmallFile): void {
  const temporary = join(aside, `${randomUUID()}.tmp`);
  const file = inFolder(temporary, () => openSync(temporary, "wx", 0o644));
  try {
    try {
      const bytes = Buffer.from(text, "latin1");
      for (let at = 0; at < bytes.length; ) at += writeSync(file, bytes, at);
      setTime(file, time);
    } finally {
      closeSync(file);
    }
    inFolder(path, () => renameSync(temporary, path));
  } catch (error) {
    try {
      unlinkSync(temporary);
    } catch {
      // It is removed when the cache is pruned.
    }
    throw error;
  }
}

/** Does something with a path. If the folder is missing, makes it and tries again. */
function inFolder<T>(path: string, action: () => T): T {
  try {
    return action();
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    mkdirSync(dirname(path), { recursive: true, mode: 0o755 });
    return action();
  }
}

/** Removes a file, or an empty folder in a file's place; returns whether nothing is there any more. */
export function removeSmallFile(path: string): boolean {
  // A folder only if it is empty, since nobody knows whose it is.
  return isGoneAfter(() => unlinkSync(path)) || isGoneAfter(() => rmdirSync(path));
}

function isGoneAfter(remove: () => void): boolean {
  try {
    remove();
    return true;
  } catch (error) {
    return ["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "");
  }
}
