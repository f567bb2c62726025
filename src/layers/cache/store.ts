/** Where entries are: one file each, below a folder. */
import { lstatSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, readError } from "#errors";
import { digestOf } from "#oci";
import {
  type CacheEntry,
  decodeEntry,
  ENTRY_KINDS,
  type EntryKind,
  encodeEntry,
  MAX_LINE,
  WITH_CONTENT,
} from "./entry.ts";
import { readSmallFile, removeSmallFile, writeSmallFile } from "./files.ts";

/**
 * The folder's name changes with the form of entries, so that no version of varve reads another version's entries. A folder
 * of the first form may have imported entries that can't be told from this user's own.
 */
const SUBFOLDER = "digests-v2";

/** The notes about a base image with a million files would take about 100 MB, which take too long to read. */
const MAX_CONTENT = 16 * 1024 * 1024;

const SHARD = /^[0-9a-f]{2}$/;
const FILE = /^([0-9a-f]{64})\.json$/;
const ASIDE = /\.tmp$/;

/** A file where an entry should be. */
export interface EntryFile {
  readonly kind: EntryKind;
  readonly key: string;
  readonly path: string;
}

/** A file, its last use in milliseconds since 1970, and the space it takes in bytes. */
export interface FileUse {
  readonly time: number;
  readonly bytes: number;
}

/** The files of a cache. */
export class EntryStore {
  readonly root: string;
  readonly #aside: string;

  constructor(folder: string) {
    this.root = join(folder, SUBFOLDER);
    this.#aside = join(this.root, "aside");
  }

  /** The path of a file of the cache's own. */
  path(name: string): string {
    return join(this.root, name);
  }

  entryPath(kind: EntryKind, key: string): string {
    return join(this.root, kind, key.slice(0, 2), `${key}.json`);
  }

  /** An entry that is whole and under its own name; undefined for any other. */
  read(name: Pick<EntryFile, "kind" | "key">, touch?: number): CacheEntry | undefined {
    return this.#read(name, touch)?.entry;
  }

  /** What follows an entry of a kind that has a content, as it was written. */
  readContent(name: Pick<EntryFile, "kind" | "key">, touch?: number): Uint8Array | undefined {
    return this.#read(name, touch)?.content;
  }

  #read(
    { kind, key }: Pick<EntryFile, "kind" | "key">,
    touch: number | undefined,
  ): { entry: CacheEntry; content: Uint8Array } | undefined {
    const limit = MAX_LINE + 1 + (WITH_CONTENT.has(kind) ? MAX_CONTENT : 0);
    const text = readSmallFile(this.entryPath(kind, key), { touch, limit }) ?? "";
    const end = text.indexOf("\n");
    if (end === -1) return undefined;
    const entry = decodeEntry(text.slice(0, end));
    if (entry?.kind !== kind || entry.key !== key) return undefined;
    const content = Buffer.from(text.slice(end + 1), "latin1");
    const whole = WITH_CONTENT.has(kind) ? digestOf(content) === entry.digest : content.length === 0;
    return whole ? { entry, content } : undefined;
  }

  /** Writes an entry. @throws the system's error; RangeError for an entry that nobody could read */
  write(entry: CacheEntry, time: number): void {
    this.#write(entry, { content: "", time });
  }

  /** Writes an entry with a content. @throws as {@link write} */
  writeContent(
    { kind, key }: Pick<EntryFile, "kind" | "key">,
    { content, time }: { content: Uint8Array; time: number },
  ): void {
    if (content.length > MAX_CONTENT) throw new RangeError(`${content.length} bytes are too many to keep`);
    const text = Buffer.from(content).toString("latin1");
    const entry = {
      kind,
      key,
      digest: digestOf(content),
      size: content.length,
      portable: false,
    } as const;
    this.#write(entry, { content: text, time });
  }

  #write(entry: CacheEntry, { content, time }: { content: string; time: number }): void {
    const line = encodeEntry(entry);
    if (decodeEntry(line.slice(0, -1)) === undefined) throw new RangeError(`no entry of a cache: ${line}`);
    const text = line + content;
    writeSmallFile(this.entryPath(entry.kind, entry.key), { text, time, aside: this.#aside });
  }

  /** Writes a file of the cache's own. @throws the system's error */
  writeMarker(name: string, time: number): void {
    writeSmallFile(this.path(name), { text: "", time, aside: this.#aside });
  }

  remove({ kind, key }: Pick<EntryFile, "kind" | "key">): boolean {
    return removeSmallFile(this.entryPath(kind, key));
  }

  /**
   * The files of entries, by kind and key. Files with other names don't belong to the cache and are left alone.
   * @throws VarveError `UNREADABLE`
   */
  *files(): Generator<EntryFile, void, void> {
    for (const kind of ENTRY_KINDS) {
      for (const shard of namesIn(join(this.root, kind), SHARD)) {
        const folder = join(this.root, kind, shard);
        for (const name of namesIn(folder, FILE)) {
          const [, key] = FILE.exec(name)!;
          if (key!.startsWith(shard)) yield { kind, key: key!, path: join(folder, name) };
        }
      }
    }
  }

  /** Files that were never renamed into their places. @throws VarveError `UNREADABLE` */
  *asideFiles(): Generator<string, void, void> {
    for (const name of namesIn(this.#aside, ASIDE)) yield join(this.#aside, name);
  }
}

/** The names in a folder that fit a pattern, in order; none where there is no such folder. */
function namesIn(folder: string, pattern: RegExp): string[] {
  try {
    return readdirSync(folder)
      .filter((name) => pattern.test(name))
      .sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw readError(folder, error);
  }
}

/** What is known about a file without opening it; undefined if it is gone or can't be examined. */
export function useOf(path: string): FileUse | undefined {
  try {
    const { mtimeMs, blocks, size } = lstatSync(path);
    // Not every system counts blocks; each is 512 bytes, whatever the file system's own are.
    return { time: mtimeMs, bytes: blocks === undefined ? size : blocks * 512 };
  } catch {
    return undefined;
  }
}
