/** Lists a tree of files: every name in it, in an order that doesn't depend on the file system. */
import { createHash } from "node:crypto";
import { constants, lstatSync, readdirSync, type Stats } from "node:fs";
import { readError, VarveError } from "#errors";
import { decodeName, encodeName, fsPath, placeOfAside, readLink, sortNames } from "#util";
import { pathIn, type TreeNames } from "./tree-names.ts";

/**
 * The names of a tree and what `lstat` says about them, in columns: a tree of 100,000 files is normal, and columns take less
 * memory than objects, and less time to move between threads.
 */
export interface TreeListing {
  /** The tree's absolute path on this machine. */
  readonly root: string;
  /**
   * The root comes first. A directory comes before what is in it, and the names in a directory are in the order of their code
   * points: the order of sorted Python paths.
   */
  readonly names: TreeNames;
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
  /** Shows whether the tree has changed since; only if it was asked for. */
  readonly identity?: TreeIdentity;
}

/** The state of a tree, as far as it can be known without reading its files. */
export interface TreeIdentity {
  /** A hash over everything that `lstat` says about each name. If a file could have changed, the hash is different. */
  readonly metadata: string;
  /** When anything in it last changed, in milliseconds since 1970. A further change at the same instant doesn't show. */
  readonly lastChange: number;
}

/** Which tree is listed, without what else is in it that isn't asked for. */
export interface ListedTree {
  /** Absolute path on this machine. */
  readonly source: string;
  /** As in {@link ListOptions}. */
  readonly exclude?: readonly string[] | undefined;
}

/** Tells trees apart, for maps. */
export const treeKey = ({ source, exclude = [] }: ListedTree): string => [source, ...exclude].join("\0");

export interface ListOptions {
  /** Paths below the root that are left out, with everything in them and the temporary files next to them. */
  readonly exclude?: readonly string[];
  /** Asks for the tree's identity. */
  readonly identify?: boolean;
}

/**
 * Lists the tree at `root`. If the root is a file or a link, the tree has only this entry. Links aren't followed.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`; `UNSUPPORTED_FILE` for a socket
 */
export function listTree(root: string, options: ListOptions = {}): TreeListing {
  const excluded = new Set(options.exclude);
  const names: string[] = [];
  const folders = new Column(Uint32Array);
  const modes = new Column(Uint32Array);
  const sizes = new Column(Float64Array);
  const mtimes = new Column(Float64Array);
  const targets = new Map<number, string>();
  const devices = new Map<number, number>();
  const identity = options.identify ? new IdentityColumns() : undefined;

  const isExcluded = (path: string): boolean =>
    excluded.has(path) || excluded.has(placeOfAside(path) ?? path);
  /** @param below the path below the root */
  const visit = (name: string, { below, folder }: { below: string; folder: number }): void => {
    const path = pathIn(root, below);
    const stat = attempt(path, () => lstatSync(fsPath(path)));
    const index = names.push(name) - 1;
    folders.push(folder);
    const { mode } = stat;
    const type = mode & constants.S_IFMT;
    modes.push(mode);
    sizes.push(type === constants.S_IFREG ? stat.size : 0);
    mtimes.push(stat.mtimeMs);
    identity?.push(stat);
    if (type === constants.S_IFDIR) {
      for (const child of readNames(path)) {
        const place = below === "" ? child : `${below}/${child}`;
        if (excluded.size === 0 || !isExcluded(place)) visit(child, { below: place, folder: index });
      }
    } else if (type === constants.S_IFLNK) {
      targets.set(index, readLink(path));
    } else if (type === constants.S_IFCHR || type === constants.S_IFBLK) {
      devices.set(index, stat.rdev);
    } else if (type === constants.S_IFSOCK) {
      throw new VarveError(
        "UNSUPPORTED_FILE",
        `${path} is a socket, which a tar archive can't hold; remove it`,
      );
    }
  };

  visit("", { below: "", folder: 0 });
  const columns = {
    names: { text: names.join(""), ends: endsOf(names), folders: folders.finish() },
    modes: modes.finish(),
    sizes: sizes.finish(),
    mtimes: mtimes.finish(),
  };
  return {
    root,
    ...columns,
    targets,
    devices,
    ...(identity === undefined ? {} : { identity: identity.finish(columns) }),
  };
}

function endsOf(names: readonly string[]): Uint32Array {
  const ends = new Uint32Array(names.length);
  let end = 0;
  for (const [index, name] of names.entries()) {
    end += name.length;
    ends[index] = end;
  }
  return ends;
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

/** The part of `lstat` that is needed only to notice that a tree has changed. */
class IdentityColumns {
  // A file's content can't change without its ctime, which no program can set, and a file that replaces it has another inode.
  readonly #ctimes = new Column(Float64Array);
  readonly #inodes = new Column(Float64Array);
  readonly #devices = new Column(Float64Array);
  /** Of everything, also of what isn't a regular file. */
  readonly #sizes = new Column(Float64Array);
  #lastChange = 0;

  push({ ctimeMs, ino, dev, size }: Stats): void {
    this.#ctimes.push(ctimeMs);
    this.#inodes.push(ino);
    this.#devices.push(dev);
    this.#sizes.push(size);
    this.#lastChange = Math.max(this.#lastChange, ctimeMs);
  }

  finish({ names, modes, mtimes }: Pick<TreeListing, "names" | "modes" | "mtimes">): TreeIdentity {
    const hash = createHash("sha256");
    // Numbers are hashed as they are in memory, since converting them to text takes a third as long as listing does. Each
    // column has one number for each name, and these say where in the text it is, so no two trees give the same bytes.
    hash.update(`${names.ends.length}\n`);
    for (const column of [this.#ctimes, this.#inodes, this.#devices, this.#sizes])
      hash.update(column.finish());
    hash.update(modes).update(mtimes).update(names.ends).update(names.folders).update(encodeName(names.text));
    return { metadata: hash.digest("hex"), lastChange: this.#lastChange };
  }
}

/** An array of numbers that grows as they are added. */
class Column<T extends Uint32Array | Float64Array> {
  readonly #make: new (
    length: number,
  ) => T;
  #numbers: T;
  #length = 0;

  constructor(make: new (length: number) => T) {
    this.#make = make;
    this.#numbers = new make(16);
  }

  push(number: number): void {
    if (this.#length === this.#numbers.length) this.#resize(2 * this.#length);
    this.#numbers[this.#length++] = number;
  }

  /** All numbers, in an array of exactly their count. */
  finish(): T {
    this.#resize(this.#length);
    return this.#numbers;
  }

  #resize(length: number): void {
    const numbers = new this.#make(length);
    numbers.set(this.#numbers.subarray(0, this.#length));
    this.#numbers = numbers;
  }
}

function attempt<T>(path: string, operation: () => T): T {
  try {
    return operation();
  } catch (error) {
    throw readError(path, error);
  }
}
