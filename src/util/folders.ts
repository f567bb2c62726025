/** What is in a folder, and where a link leads: names exactly as they are, also those that aren't UTF-8. */
import { type Dirent, readdirSync, readlinkSync, realpathSync, statSync } from "node:fs";
import { readError } from "#errors";
import { decodeName, fsPath } from "./names.ts";

/**
 * What is in a folder, in no order.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function readEntries(folder: string): Dirent[] {
  const options = { withFileTypes: true, encoding: "buffer" } as const;
  return attempt(folder, () => {
    const entries = readdirSync(fsPath(folder), options) as unknown as Dirent[];
    for (const entry of entries) entry.name = decodeName(entry.name as unknown as Buffer);
    return entries;
  });
}

/**
 * Whether it is a folder, or a link to one. (Without a promise, since Node.js takes 6 ms to load those for files.)
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function isFolder(path: string): boolean {
  return attempt(path, () => statSync(fsPath(path)).isDirectory());
}

/**
 * What a symbolic link says.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function readLink(path: string): string {
  return attempt(path, () => decodeName(readlinkSync(fsPath(path), "buffer")));
}

/**
 * The path behind all links on the way to one.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function realPath(path: string): string {
  // Node's own way, without `native`, takes names for UTF-8.
  return attempt(path, () => decodeName(realpathSync.native(fsPath(path), "buffer")));
}

function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw readError(path, error);
  }
}
