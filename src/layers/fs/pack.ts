/** Turns listed trees into the bytes of a layer's tar archive. */
import { closeSync, constants, openSync, readSync } from "node:fs";
import { errnoOf, readError, VarveError } from "#errors";
import { BLOCK_SIZE, EntryType, endOfArchive, headerLength, padding, type TarEntry, writeHeader } from "#tar";
import { CHUNK_SIZE, fsPath, isAscii } from "#util";
import { giveBackBuffers, takeBuffers } from "./buffers.ts";
import { joinItems } from "./join.ts";
import type { KeptListings } from "./kept-listings.ts";
import { listTree, type TreeListing } from "./listing.ts";
import { groupName, permissionsOf, userName } from "./permissions.ts";
import type { EntryItem, LayerRecipe, TreeItem } from "./recipe.ts";
import { type SmallFiles, SmallFilesCursor } from "./small-files.ts";
import { pathIn, pathLengths, pathReader } from "./tree-names.ts";

export interface ListRecipeOptions {
  /** Asks for the trees' identities. */
  readonly identify?: boolean;
  /** Trees that were listed shortly before. */
  readonly kept?: KeptListings | undefined;
}

/** Lists every tree of a recipe once, in the order of its items. */
export function listRecipe(
  recipe: LayerRecipe,
  { identify = false, kept }: ListRecipeOptions = {},
): TreeListing[] {
  return recipe.items
    .filter((item) => item.kind === "tree")
    .map((item) => {
      const before = kept?.take(item);
      if (before !== undefined && (!identify || before.identity !== undefined)) return before;
      const listing = listTree(item.source, { exclude: item.exclude ?? [], identify });
      if (identify) kept?.keepLasting(item, listing);
      return listing;
    });
}

export interface PackOptions {
  /** Memory for the chunks, {@link CHUNK_SIZE} each, filled in turn; by default two chunks of varve's own. */
  readonly buffers?: readonly Buffer[] | undefined;
  /** What {@link listRecipe} returned for the recipe. */
  readonly listings: readonly TreeListing[];
  /** From `roomForSmallFiles`; is filled with the small files that are read. */
  readonly keep?: SmallFiles | undefined;
  /** What was filled when the layer was packed before, with the same listings; these files aren't read again. */
  readonly kept?: SmallFiles | undefined;
}

/**
 * Finds a path that has changed since it was listed, as far as size and time show; undefined if there is none.
 * @throws VarveError what listing throws
 */
export function findChange(recipe: LayerRecipe, listings: readonly TreeListing[]): string | undefined {
  for (const [tree, now] of listRecipe(recipe).entries()) {
    const before = listings[tree]!;
    const [pathNow, pathBefore] = [pathReader(now.names), pathReader(before.names)];
    const index = now.modes.findIndex((mode, index) => {
      const isFile = typeOf(mode) === EntryType.file;
      const sameSize = now.sizes[index] === before.sizes[index];
      const sameTime = now.mtimes[index] === before.mtimes[index];
      const isThere = index < before.modes.length && pathNow(index) === pathBefore(index);
      return !isThere || (isFile && !(sameSize && sameTime));
    });
    if (index !== -1) return pathIn(now.root, pathNow(index));
  }
  return undefined;
}

/**
 * Yields the layer's bytes, its items as {@link joinItems} joins them, in chunks of up to {@link CHUNK_SIZE}, whose memory is
 * reused as `ByteSource` says. Files are read synchronously, since waiting costs more than reading a small file.
 * @throws VarveError `CHANGED_WHILE_READING` if a path is no longer a file or doesn't have the listed size, `NOT_FOUND`,
 *   `UNREADABLE`
 */
export function* packLayer(recipe: LayerRecipe, options: PackOptions): Generator<Uint8Array, void, void> {
  const own = options.buffers === undefined ? takeBuffers() : undefined;
  const buffers = options.buffers ?? own!;
  const permitted = permissionsOf(recipe);
  const keep = new SmallFilesCursor(options.keep);
  const kept = new SmallFilesCursor(options.kept);
  let turn = 0;
  let current = buffers[0]!;
  let used = 0;
  let total = 0;
  const flush = (): Uint8Array => {
    const chunk = current.subarray(0, used);
    turn = (turn + 1) % buffers.length;
    current = buffers[turn]!;
    total += used;
    used = 0;
    return chunk;
  };

  try {
    for (const { item, listing, from, to } of joinItems(recipe, options.listings)) {
      const pathAt = listing && pathReader(listing.names);
      for (let index = from; index < to; index++) {
        const below = pathAt?.(index) ?? "";
        const made =
          item.kind === "entry"
            ? plainEntry(recipe, item)
            : treeEntry(recipe, { item, listing: listing!, index, below });
        const entry = permitted === undefined ? made : permitted(made);
        let header = writeHeader(entry, current, used);
        if (header === 0) {
          yield flush();
          header = writeHeader(entry, current, used);
          if (header === 0)
            throw new VarveError("UNSUPPORTED_FILE", `the header of ${entry.name} is too long`);
        }
        used += header;
        if (entry.size === 0) continue;

        const content = item.kind === "entry" ? item.content! : kept.next(entry.size);
        if (content !== undefined) {
          for (let at = 0; at < content.length; ) {
            if (used === CHUNK_SIZE) yield flush();
            const part = content.subarray(at, at + CHUNK_SIZE - used);
            current.set(part, used);
            used += part.length;
            at += part.length;
          }
        } else {
          const path = pathIn(listing!.root, below);
          const keptPlace = keep.next(entry.size);
          const file = openListed(path);
          try {
            let left = entry.size;
            while (left > 0) {
              if (used === CHUNK_SIZE) yield flush();
              // Reads one byte more than expected, if there is room, to notice a file that has grown.
              const length = Math.min(left + 1, CHUNK_SIZE - used);
              const read = readListed(file, { path, into: current, at: used, length });
              if (read === 0 || read > left) throw changed(path);
              keptPlace?.set(current.subarray(used, used + read), entry.size - left);
              used += read;
              left -= read;
            }
          } finally {
            closeSync(file);
          }
        }
        // A chunk consists of whole blocks, so there is room.
        const fill = padding(entry.size);
        current.fill(0, used, used + fill);
        used += fill;
      }
    }
    yield flush();
    yield endOfArchive(total);
  } finally {
    if (own !== undefined) giveBackBuffers(own);
  }
}

/** A name of so many ASCII characters, and the size of a file that has fewer bytes than that, fit into one block. */
const SHORT_NAME = 100;
const LARGE = 8 ** 11;

/**
 * How many bytes a tree takes in the archive of a layer with these settings: headers and contents, each rounded up to whole
 * blocks, without the end of the archive. Only names, types and lengths matter. A file with several names counts once for
 * each of them, since it is packed once for each.
 */
export function packedSize(
  recipe: Pick<LayerRecipe, "owner" | "mtime" | "modes">,
  { item, listing }: { readonly item: TreeItem; readonly listing: TreeListing },
): number {
  const { names, sizes, targets } = listing;
  let size = 0;
  const { target } = item;
  const { uid, gid, uname, gname } = recipe.owner;
  const plain = {
    name: "",
    type: EntryType.file,
    mode: 0,
    uid,
    gid,
    uname,
    gname,
    size: 0,
    mtime: recipe.mtime,
  };
  // For nearly all of very many, neither a path nor an entry has to be made to know what its header takes.
  const isPlain = headerLength(plain) === BLOCK_SIZE && isAscii(target) && isAscii(names.text);
  const room = isPlain ? SHORT_NAME - target.length - 2 : -1;
  const lengths = pathLengths(names);
  const pathAt = pathReader(names);
  for (let index = 0; index < sizes.length; index++) {
    const content = sizes[index]!;
    const isShort = lengths[index]! <= room && content < LARGE && !targets.has(index);
    const header = isShort
      ? BLOCK_SIZE
      : headerLength(treeEntry(recipe, { item, listing, index, below: pathAt(index) }));
    size += header + content + padding(content);
  }
  return size;
}

function plainEntry({ owner, mtime }: LayerRecipe, { entry, content }: EntryItem): TarEntry {
  const { uid = owner.uid, gid = owner.gid } = entry;
  const names = { uname: userName(uid, owner), gname: groupName(gid, owner) };
  return { uid, gid, ...names, mtime, ...entry, size: content?.length ?? 0 };
}

interface ListedEntry {
  readonly item: TreeItem;
  readonly listing: TreeListing;
  readonly index: number;
  /** Its path below the tree's root. */
  readonly below: string;
}

function treeEntry(
  recipe: Pick<LayerRecipe, "owner" | "mtime" | "modes">,
  { item, listing, index, below }: ListedEntry,
): TarEntry {
  const { uid, gid, uname, gname } = recipe.owner;
  const mode = listing.modes[index]!;
  const type = typeOf(mode);
  const device = listing.devices.get(index);
  return {
    name: pathIn(item.target, below),
    type,
    mode: (item.modes ?? recipe.modes) === "keep" ? mode & 0o7777 : portableMode(type, mode),
    uid,
    gid,
    uname,
    gname,
    size: listing.sizes[index]!,
    mtime: recipe.mtime,
    linkname: listing.targets.get(index) ?? "",
    ...(device === undefined ? undefined : deviceNumbers(device)),
  };
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

/** Opens a file that was listed. By now a link may be in its place, or a pipe that nobody writes to. */
function openListed(path: string): number {
  const { O_RDONLY, O_NOFOLLOW, O_NONBLOCK } = constants;
  try {
    return openSync(fsPath(path), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // A link, or a socket.
    const another = ["ELOOP", "ENXIO"].includes(errnoOf(error) ?? "");
    throw another ? changed(path) : readError(path, error);
  }
}

interface ReadTarget {
  readonly path: string;
  readonly into: Uint8Array;
  readonly at: number;
  readonly length: number;
}

function readListed(file: number, { path, into, at, length }: ReadTarget): number {
  try {
    return readSync(file, into, at, length, null);
  } catch (error) {
    // A folder, or a pipe.
    const another = ["EISDIR", "EAGAIN"].includes(errnoOf(error) ?? "");
    throw another ? changed(path) : readError(path, error);
  }
}

function changed(path: string): VarveError {
  return new VarveError(
    "CHANGED_WHILE_READING",
    `${path} changed while the image was being built; build again when nothing writes to it`,
  );
}
