/** What is in the layer's folder, and what a script changed there. */
import type { Readable } from "node:stream";
import { VarveError } from "#errors";
import { decodeName, encodeName, parentOf, sortNames } from "#util";

/** A name in a tree, and what shows whether it was changed. */
export interface ListedName {
  /** From the tree's root, which is itself `""`. */
  readonly name: string;
  /** As `find` says: `f`, `d`, `l`, `c`, `b`, `p`, `s`. */
  readonly type: string;
  /** The numbers of its device and, on that, of its inode. */
  readonly device: string;
  readonly inode: string;
  /** Permission bits, without the bits for its type. */
  readonly mode: number;
  /** When its inode last changed, which no program can set back. */
  readonly changed: string;
  /** When a directory was made, in seconds since 1970, or 0 where the file system doesn't know; of other files nothing. */
  readonly born?: string | undefined;
}

/** The length limit of a path in bytes: Linux's `PATH_MAX` without the NUL at its end. */
const LONGEST_PATH = 4095;

/**
 * Reads the lines that the sandbox's `list` writes, each ending with NUL: one for each name, then one for each directory
 * with when it was made.
 * @throws VarveError `UNSUPPORTED_FILE` for a name that is too long for a path
 */
export async function readListing(from: Readable): Promise<ListedName[]> {
  const names: ListedName[] = [];
  const births = new Map<string, string>();
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of from) {
    const bytes: Buffer = rest.length === 0 ? (chunk as Buffer) : Buffer.concat([rest, chunk as Buffer]);
    let at = 0;
    for (let end = bytes.indexOf(0); end !== -1; end = bytes.indexOf(0, at)) {
      const line = decodeName(bytes.subarray(at, end));
      at = end + 1;
      const [, born, directory] = /^born (\S+) \.\/?(.*)$/s.exec(line) ?? [];
      if (born !== undefined && directory !== undefined) {
        births.set(directory, born);
        continue;
      }
      const [, type = "", device = "", inode = "", mode = "", changed = "", name = ""] =
        /^(.) (\d+) (\d+) ([0-7]+) (\S+) (.*)$/s.exec(line) ?? [];
      checkLength(name);
      names.push({ name, type, device, inode, mode: Number.parseInt(mode, 8), changed });
    }
    rest = bytes.subarray(at);
  }
  return names.map((listed) => ({ ...listed, born: births.get(listed.name) }));
}

function checkLength(name: string): void {
  // From the image's root directory.
  if (encodeName(name).length + 1 <= LONGEST_PATH) return;
  throw new VarveError(
    "UNSUPPORTED_FILE",
    `a script of the layer made /${name.slice(0, 200)}…, whose path is longer than ${LONGEST_PATH} bytes, ` +
      "so that no program could open it in a container; make folders less deep",
  );
}

/**
 * The order in which a folder is read: by path, but character devices first in their directory. Such a device may stand for
 * a name that was removed, and then its place in the layer is another than its own.
 */
export function readingOrder(listed: readonly ListedName[]): string[] {
  // NUL sorts before everything that can be in a name. As a separator it keeps a folder's content together.
  const keys = listed
    .filter(({ type }) => type !== "s")
    .map(({ name, type }) => {
      const parts = name.replaceAll("/", "\0");
      return type === "c"
        ? `${parts.slice(0, parts.lastIndexOf("\0") + 1)}\x01${parts.slice(parts.lastIndexOf("\0") + 1)}`
        : parts;
    });
  const devices = new Set(listed.filter(({ type }) => type === "c").map(({ name }) => name));
  return sortNames(keys).map((key) => {
    const name = key.replaceAll("\0", "/");
    const plain = name.replace(/(^|\/)\x01([^/]*)$/, "$1$2");
    return plain !== name && devices.has(plain) ? plain : name;
  });
}

/** Names in the form in which `tar` reads a list, each ending with NUL. */
export async function* listForTar(names: readonly string[]): AsyncGenerator<Uint8Array, void, void> {
  for (let at = 0; at < names.length; at += 4096) {
    const some = names.slice(at, at + 4096).map((name) => `./${name}\0`);
    yield encodeName(some.join(""));
  }
}

/** Compares paths as layers are ordered: directories before what is in them, names by code point. */
export function sortKey(name: string): string {
  return name.replaceAll("/", "\0");
}

/** How a tree was changed in place. */
export interface TreeChange {
  /** Names that are new or changed, and the directories above them. */
  readonly kept: ReadonlySet<string>;
  /** Names that are gone, without those in a directory that is gone, too. */
  readonly removed: readonly string[];
  /** Directories that were made in the place of other ones. */
  readonly replaced: ReadonlySet<string>;
}

export function changesBetween(before: readonly ListedName[], after: readonly ListedName[]): TreeChange {
  const old = new Map(before.map((listed) => [listed.name, listed]));
  const now = new Map(after.map((listed) => [listed.name, listed]));
  const kept = new Set<string>();
  const replaced = new Set<string>();
  /** Directories whose whole content is new here, although it may have been somewhere else before. */
  const fresh = new Set<string>();
  // A directory comes before what is in it, as find lists them.
  for (const { name, type, inode, changed, born } of after) {
    const was = old.get(name);
    // A file system may give the number of an inode that is gone to the next that is made.
    const sameFile = was?.type === type && was.inode === inode && was.born === born;
    const inFresh = fresh.has(parentOf(name));
    if (type === "d" && (!sameFile || inFresh) && name !== "") {
      fresh.add(name);
      if (was?.type === "d" && !inFresh) replaced.add(name);
    }
    if (sameFile && was.changed === changed && !inFresh) continue;
    for (let above = name; !kept.has(above); above = parentOf(above)) kept.add(above);
  }
  const removed = before
    .filter(
      ({ name }) => !now.has(name) && now.get(parentOf(name))?.type === "d" && !fresh.has(parentOf(name)),
    )
    .map(({ name }) => name);
  return { kept, removed, replaced };
}
