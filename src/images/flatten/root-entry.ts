/** The entries of an image's root, and how to look them up. */
import { EntryType, type TarEntry } from "#tar";
import { type EntryPlace, invalidEntry } from "./names.ts";

export type RootEntryKind = "directory" | "file" | "symlink" | "character-device" | "block-device" | "fifo";

/** Something in an image's root. Names that are hard links to each other have the very same one. */
export interface RootEntry {
  readonly kind: RootEntryKind;
  /** The entry as its layer has it; its `name` is that in the layer's archive. */
  readonly entry: TarEntry;
  /** The layer it is from, counted from 0 at the bottom. */
  readonly layer: number;
  /** Which of the layer's entries it is, counted from 0; for directories without one, the entry they are there for. */
  readonly position: number;
  /** True for directories that no layer has an entry for. */
  readonly implied?: true;
}

/** What is at a path, in short. */
export interface RootNode {
  readonly type: "directory" | "file" | "symlink" | "other";
  /** Where a symbolic link leads, as written in the link. */
  readonly target?: string;
}

/** An image's root. */
export interface RootTree {
  /**
   * What is at a path of the image, with or without a slash in front; undefined for nothing. No link is followed.
   */
  get(path: string): RootNode | undefined;
  /** The same in full. */
  entry(path: string): RootEntry | undefined;
  /** All there is, by path from the root without a slash in front; a directory before what is in it, else in no order. */
  entries(): IterableIterator<[path: string, entry: RootEntry]>;
}

/** Where in an image an entry is. */
export interface LayerPosition {
  readonly layer: number;
  readonly position: number;
  /** Names the layer in errors. */
  readonly what: string;
}

/** Ids go up to 2³² − 2: the last one means none. */
const MAX_ID = 2 ** 32 - 2;

const KINDS: Readonly<Record<string, RootEntryKind>> = {
  "\0": "file",
  [EntryType.file]: "file",
  [EntryType.contiguous]: "file",
  [EntryType.symlink]: "symlink",
  [EntryType.characterDevice]: "character-device",
  [EntryType.blockDevice]: "block-device",
  [EntryType.directory]: "directory",
  [EntryType.fifo]: "fifo",
};

/**
 * What an entry of a layer is in the root.
 * @throws VarveError `INVALID_IMAGE` for what no file system can have
 */
export function rootEntry(
  entry: TarEntry,
  { at, place }: { at: LayerPosition; place: EntryPlace },
): RootEntry {
  const kind = KINDS[entry.type];
  if (kind === undefined) {
    throw invalidEntry(place, `is of the type ${JSON.stringify(entry.type)}, which no file system has`);
  }
  for (const id of [entry.uid, entry.gid]) {
    if (!(id >= 0 && id <= MAX_ID)) throw invalidEntry(place, `has the owner ${id}, which no system has`);
  }
  if (kind === "symlink" && (entry.linkname ?? "") === "") {
    throw invalidEntry(place, "is a symbolic link that leads nowhere");
  }
  return { kind, entry, layer: at.layer, position: at.position };
}

/** A directory that no layer has an entry for. */
export function impliedEntry({ layer, position }: Pick<LayerPosition, "layer" | "position">): RootEntry {
  const entry = { name: "", type: EntryType.directory, mode: 0o755, uid: 0, gid: 0, size: 0, mtime: 0 };
  return { kind: "directory", entry, layer, position, implied: true };
}
