/** Lists a tree of files: every name in it, in an order that doesn't depend on the file system. */
import { createHash } from "node:crypto";
import { constants, lstatSync, readdirSync, readlinkSync } from "node:fs";
import { readError, VarveError } from "../errors.ts";
import { decodeName, fsPath, placeOfAside, sortNames } from "../util/index.ts";

/**
 * The names of a tree and what `lstat` says of them, column by column: a tree of 100,000 files is normal, and a
 * column costs less memory than objects do, and less time on its way between threads.
 */
export interface TreeListing {
  /** The tree's absolute path on this machine. */
  readonly root: string;
  /**
   * Paths below the root, the root itself as `""`. A directory comes before what is in it, and the names in a
   * directory are in the order of their code points: the order of sorted Python paths.
   */
  readonly names: readonly string[];
  /** File type and permission bits, as in `st_mode`. */
  readonly modes: Uint32Array;
  /** Bytes of content; 0 for all but files. */
  readonly sizes: Float64Array;
  /** Milliseconds since 1970. */
  readonly mtimes: Float64Array;
  /** What the symbolic links point at, by index. */
  readonly targets: ReadonlyMap<number, string>;
  /** Device numbers of device nodes, by index. */
  readonly devices: ReadonlyMap<number, number>;
  /** What tells this tree from itself after a change; if it was asked for. */
  readonly identity?: TreeIdentity;
}

/** The state of a tree, as far as it can be told without reading its files. */
export interface TreeIdentity {
  /** A hash over all that `lstat` says of each name: it is another one when a file could have changed. */
  readonly metadata: string;
  /** When anything of it last changed, in milliseconds since 1970: a later change in the same instant can't be told. */
  readonly lastChange: number;
}

export interface ListOptions {
  /** Paths below the root that are left out, with all that is in them, and what is being written aside for them. */
  readonly exclude?: readonly string[];
  /** Asks for the tree's identity. */
  readonly identify?: boolean;
}

/**
 * Lists the tree at `root`; a root that is a file or a link is a tree of one. Links aren't followed.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`; `UNSUPPORTED_FILE` for a socket
 */
export function listTree(root: string, options: ListOptions = {}): TreeListing {
  const excluded = new Set(options.exclude);
  const names: string[] = [];
  const columns = new Columns();
  const targets = new Map<number, string>();
  const devices = new Map<number, number>();
  const hash = options.identify ? createHash("sha256") : undefined;
  let lastChange = 0;

  const visit = (name: string): void => {
    const path = name === "" ? root : `${root}/${name}`;
    const stat = attempt(path, () => lstatSync(fsPath(path)));
    const index = names.push(name) - 1;
    const { mode, mtimeMs } = stat;
    if (hash !== undefined) {
      // A file's content can't change without its ctime, which nobody sets, and a file put in its place has another inode.
      hash.update(`${name}\0${mode} ${stat.size} ${mtimeMs} ${stat.ctimeMs} ${stat.ino} ${stat.dev}\n`);
      lastChange = Math.max(lastChange, stat.ctimeMs);
    }
    const type = mode & constants.S_IFMT;
    columns.push({ mode, size: type === constants.S_IFREG ? stat.size : 0, mtime: mtimeMs });
    if (type === constants.S_IFDIR) {
      for (const child of readNames(path)) {
        const below = name === "" ? child : `${name}/${child}`;
        if (!excluded.has(below) && !excluded.has(placeOfAside(below) ?? below)) visit(below);
      }
    } else if (type === constants.S_IFLNK) {
      targets.set(
        index,
        attempt(path, () => decodeName(readlinkSync(fsPath(path), "buffer"))),
      );
    } else if (type === constants.S_IFCHR || type === constants.S_IFBLK) {
      devices.set(index, stat.rdev);
    } else if (type === constants.S_IFSOCK) {
      throw new VarveError(
        "UNSUPPORTED_FILE",
        `${path} is a socket, which a tar archive can't hold; remove it`,
      );
    }
  };

  visit("");
  return {
    root,
    names,
    ...columns.finish(),
    targets,
    devices,
    ...(hash === undefined ? {} : { identity: { metadata: hash.digest("hex"), lastChange } }),
  };
}

/**
 * The names in a directory, sorted.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function readNames(path: string): string[] {
  const names = attempt(path, () => readdirSync(fsPath(path)) as string[]);
  // Node puts U+FFFD in place of bytes that aren't UTF-8; then the names are read again as bytes.
  if (names.some((name) => name.includes("\uFFFD"))) {
    const exact = attempt(path, () => readdirSync(fsPath(path), "buffer") as unknown as Buffer[]);
    return sortNames(exact.map(decodeName));
  }
  return sortNames(names);
}

/** The numbers of a listing, in arrays that grow as names come. */
class Columns {
  #length = 0;
  #modes = new Uint32Array(16);
  #sizes = new Float64Array(16);
  #mtimes = new Float64Array(16);

  push({ mode, size, mtime }: { mode: number; size: number; mtime: number }): void {
    if (this.#length === this.#modes.length) this.#resize(2 * this.#length);
    this.#modes[this.#length] = mode;
    this.#sizes[this.#length] = size;
    this.#mtimes[this.#length++] = mtime;
  }

  finish(): Pick<TreeListing, "modes" | "sizes" | "mtimes"> {
    this.#resize(this.#length);
    return { modes: this.#modes, sizes: this.#sizes, mtimes: this.#mtimes };
  }

  #resize(length: number): void {
    const copied = <T extends Uint32Array | Float64Array>(from: T, to: T): T => {
      to.set(from.subarray(0, this.#length));
      return to;
    };
    this.#modes = copied(this.#modes, new Uint32Array(length));
    this.#sizes = copied(this.#sizes, new Float64Array(length));
    this.#mtimes = copied(this.#mtimes, new Float64Array(length));
  }
}

function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw readError(path, error);
  }
}
