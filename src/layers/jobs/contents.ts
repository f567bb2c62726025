/** What a tree's files are, whatever the machine that they are on: names, types, permissions as they get into a layer, and contents. */
import { createHash } from "node:crypto";
import { closeSync, constants, openSync, readSync } from "node:fs";
import { readError } from "#errors";
import { type LayerRecipe, pathIn, pathsOf, type TreeListing } from "#fs";
import { CHUNK_SIZE, encodeName, fsPath } from "#util";

/** A tree's content. */
export interface TreeContents {
  /** A hash over all of it. */
  readonly digest: string;
  /** What tells each name apart from another state of it, by the path below the root; the root's own is empty. */
  readonly files: Readonly<Record<string, string>>;
}

/** So many digits are enough to say which file differs; whether one does is told by the hash over all of them. */
const SHORT = 16;

/**
 * Reads all files of a tree that was listed. Times and owners don't count, since layers have others.
 * @param modes as the layer's recipe has them
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`
 */
export function treeContents(listing: TreeListing, modes: LayerRecipe["modes"]): TreeContents {
  const all = createHash("sha256");
  const files: Record<string, string> = Object.create(null);
  const buffer = Buffer.allocUnsafeSlow(CHUNK_SIZE);
  for (const [index, name] of pathsOf(listing.names).entries()) {
    const state = createHash("sha256").update(stateOf(listing, { index, name, modes, buffer })).digest("hex");
    all.update(encodeName(name)).update(`\0${state}\n`);
    files[name] = state.slice(0, SHORT);
  }
  return { digest: `sha256:${all.digest("hex")}`, files };
}

interface Place {
  readonly index: number;
  /** The path below the root. */
  readonly name: string;
  readonly modes: LayerRecipe["modes"];
  /** Memory to read into. */
  readonly buffer: Buffer;
}

function stateOf(listing: TreeListing, { index, name, modes, buffer }: Place): string | Buffer {
  const mode = listing.modes[index]!;
  const type = mode & constants.S_IFMT;
  if (type === constants.S_IFLNK) {
    return Buffer.concat([Buffer.from("link "), encodeName(listing.targets.get(index)!)]);
  }
  const isFolder = type === constants.S_IFDIR;
  const bits = modes === "keep" ? mode & 0o7777 : isFolder || (mode & 0o100) !== 0 ? 0o755 : 0o644;
  const permissions = bits.toString(8);
  if (isFolder) return `folder ${permissions}`;
  if (type !== constants.S_IFREG) return `${type} ${permissions} ${listing.devices.get(index) ?? 0}`;
  return `file ${permissions} ${fileHash(pathIn(listing.root, name), buffer)}`;
}

function fileHash(path: string, buffer: Buffer): string {
  const hash = createHash("sha256");
  try {
    const fd = openSync(fsPath(path), "r");
    try {
      for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer))
        hash.update(buffer.subarray(0, count));
    } finally {
      closeSync(fd);
    }
  } catch (error) {
    throw readError(path, error);
  }
  return hash.digest("hex");
}

/** A path that isn't the same in two states of a tree, and how so; undefined where they are equal. */
export function findDifference(
  planned: Readonly<Record<string, string>>,
  found: Readonly<Record<string, string>>,
): { readonly path: string; readonly what: "missing" | "new" | "changed" } | undefined {
  for (const [path, state] of Object.entries(planned)) {
    if (!Object.hasOwn(found, path)) return { path, what: "missing" };
    if (found[path] !== state) return { path, what: "changed" };
  }
  const path = Object.keys(found).find((each) => !Object.hasOwn(planned, each));
  return path === undefined ? undefined : { path, what: "new" };
}
