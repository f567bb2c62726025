/** Turns listed trees into the bytes of a layer's tar archive. */
import { closeSync, constants, fstatSync, openSync, readSync } from "node:fs";
import { errnoOf, readError, VarveError } from "../errors.ts";
import { EntryType, endOfArchive, padding, type TarEntry, writeHeader } from "../tar/index.ts";
import { CHUNK_SIZE, fsPath } from "../util/index.ts";
import { giveBackBuffers, takeBuffers } from "./buffers.ts";
import { listTree, type TreeListing } from "./listing.ts";
import type { EntryItem, LayerRecipe, TreeItem } from "./recipe.ts";

/** Lists every tree of a recipe once, in the order of its items. */
export function listRecipe(
  recipe: LayerRecipe,
  { identify = false }: { identify?: boolean } = {},
): TreeListing[] {
  return recipe.items
    .filter((item) => item.kind === "tree")
    .map(({ source, exclude = [] }) => listTree(source, { exclude, identify }));
}

export interface PackOptions {
  /** What {@link listRecipe} gave for the recipe. */
  readonly listings: readonly TreeListing[];
  /** Called with the path of each file whose time isn't the listing's: it may have changed since. */
  readonly onSuspect?: (path: string) => void;
}

/**
 * The layer's bytes, in chunks of up to {@link CHUNK_SIZE}; their memory is reused as `ByteSource` says.
 * It reads synchronously, since waiting costs more than reading a small file does.
 * @throws VarveError `CHANGED_WHILE_READING` when a file is none any more or hasn't the listed size, `NOT_FOUND`,
 *   `UNREADABLE`
 */
export function* packLayer(recipe: LayerRecipe, options: PackOptions): Generator<Uint8Array, void, void> {
  const buffers = takeBuffers();
  let current: 0 | 1 = 0;
  let used = 0;
  let total = 0;
  const flush = (): Uint8Array => {
    const chunk = buffers[current].subarray(0, used);
    current = current === 0 ? 1 : 0;
    total += used;
    used = 0;
    return chunk;
  };

  try {
    for (const { entry, path, mtimeMs } of entriesOf(recipe, options.listings)) {
      let header = writeHeader(entry, buffers[current], used);
      if (header === 0) {
        yield flush();
        header = writeHeader(entry, buffers[current], used);
        if (header === 0) throw new VarveError("UNSUPPORTED_FILE", `the header of ${entry.name} is too long`);
      }
      used += header;
      if (path === undefined || entry.size === 0) continue;

      const file = openListed({ path, size: entry.size, mtimeMs, onSuspect: options.onSuspect });
      try {
        let left = entry.size;
        while (left > 0) {
          if (used === CHUNK_SIZE) yield flush();
          const wanted = Math.min(left, CHUNK_SIZE - used);
          const read = readFully(file, { path, into: buffers[current], at: used, length: wanted });
          used += read;
          left -= read;
        }
      } finally {
        closeSync(file);
      }
      // A chunk holds whole blocks, so there is room.
      const fill = padding(entry.size);
      buffers[current].fill(0, used, used + fill);
      used += fill;
    }
    yield flush();
    yield endOfArchive(total);
  } finally {
    giveBackBuffers(buffers);
  }
}

interface PackedEntry {
  readonly entry: TarEntry;
  /** The file that holds the content. */
  readonly path?: string;
  readonly mtimeMs?: number;
}

function* entriesOf(
  recipe: LayerRecipe,
  listings: readonly TreeListing[],
): Generator<PackedEntry, void, void> {
  let tree = 0;
  for (const item of recipe.items) {
    if (item.kind === "entry") yield { entry: plainEntry(recipe, item) };
    else yield* treeEntries(recipe, item, listings[tree++]!);
  }
}

function plainEntry(recipe: LayerRecipe, item: EntryItem): TarEntry {
  return { ...item.entry, ...recipe.owner, mtime: recipe.mtime, size: 0 };
}

function* treeEntries(
  recipe: LayerRecipe,
  item: TreeItem,
  listing: TreeListing,
): Generator<PackedEntry, void, void> {
  const { uid, gid, uname, gname } = recipe.owner;
  for (let index = 0; index < listing.names.length; index++) {
    const name = listing.names[index]!;
    const mode = listing.modes[index]!;
    const type = typeOf(mode);
    const device = listing.devices.get(index);
    const entry: TarEntry = {
      name: name === "" ? item.target : `${item.target}/${name}`,
      type,
      mode: recipe.modes === "keep" ? mode & 0o7777 : portableMode(type, mode),
      uid,
      gid,
      uname,
      gname,
      size: listing.sizes[index]!,
      mtime: recipe.mtime,
      linkname: listing.targets.get(index) ?? "",
      ...(device === undefined ? {} : deviceNumbers(device)),
    };
    if (type !== EntryType.file) yield { entry };
    else {
      const path = name === "" ? listing.root : `${listing.root}/${name}`;
      yield { entry, path, mtimeMs: listing.mtimes[index]! };
    }
  }
}

const TYPES = new Map<number, string>([
  [constants.S_IFREG, EntryType.file],
  [constants.S_IFDIR, EntryType.directory],
  [constants.S_IFLNK, EntryType.symlink],
  [constants.S_IFIFO, EntryType.fifo],
  [constants.S_IFCHR, EntryType.characterDevice],
  [constants.S_IFBLK, EntryType.blockDevice],
]);

function typeOf(mode: number): string {
  return TYPES.get(mode & constants.S_IFMT)!;
}

function portableMode(type: string, mode: number): number {
  if (type === EntryType.symlink) return 0o777;
  return type === EntryType.directory || (mode & 0o100) !== 0 ? 0o755 : 0o644;
}

/** Linux's layout of a device number: 12 bits of major between 8 low and 12 high bits of minor. */
function deviceNumbers(device: number): { devmajor: number; devminor: number } {
  return { devmajor: (device >>> 8) & 0xfff, devminor: (device & 0xff) | ((device >>> 12) & 0xfff00) };
}

interface ListedFile {
  readonly path: string;
  readonly size: number;
  readonly mtimeMs: number | undefined;
  readonly onSuspect: ((path: string) => void) | undefined;
}

/** Opens a file and makes sure it still has the size that its header will say, or said. */
function openListed(listed: ListedFile): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    // Where a file was listed there may by now be a link, or a pipe that nobody writes to.
    const file = openSync(fsPath(listed.path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
    const stat = fstatSync(file);
    const { size, mtimeMs } = stat;
    if (!stat.isFile() || size !== listed.size) {
      closeSync(file);
      throw changed(listed.path);
    }
    if (mtimeMs !== listed.mtimeMs) listed.onSuspect?.(listed.path);
    return file;
  } catch (error) {
    // A link, or a socket.
    const another = ["ELOOP", "ENXIO"].includes(errnoOf(error) ?? "");
    throw another ? changed(listed.path) : readError(listed.path, error);
  }
}

interface ReadTarget {
  readonly path: string;
  readonly into: Uint8Array;
  readonly at: number;
  readonly length: number;
}

function readFully(file: number, { path, into, at, length }: ReadTarget): number {
  let read: number;
  try {
    read = readSync(file, into, at, length, null);
  } catch (error) {
    throw readError(path, error);
  }
  if (read === 0) throw changed(path);
  return read;
}

function changed(path: string): VarveError {
  return new VarveError(
    "CHANGED_WHILE_READING",
    `${path} changed while the image was being built; build again when nothing writes to it`,
  );
}
