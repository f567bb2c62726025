/** A layer on a base whose directories are links, such as a `/bin` that leads to `/usr/bin`. */
import { posix } from "node:path";
import type { EntryItem } from "#fs";
import { EntryType } from "#tar";
import { type BaseTree, resolveInBase } from "./base-tree.ts";
import { directoryItem, type RootItem } from "./items.ts";

export interface FollowedItems {
  readonly items: readonly RootItem[];
  /** One sentence for each name that was lost. */
  readonly notes: readonly string[];
}

export interface FollowOptions {
  /** Whether the tree at a source is a directory; by default none is. */
  readonly isDirectory?: (source: string) => boolean;
}

/**
 * Moves items to where the base's links lead, so that none replaces a link to a directory, and gives the directories above
 * them the base's modes and owners. An item that is itself a file or a link replaces what the base has there. Items stay in
 * their order; directories that they need are put before them.
 */
export function followBase(
  items: readonly RootItem[],
  base: BaseTree,
  { isDirectory = () => false }: FollowOptions = {},
): FollowedItems {
  const placed = new Map<string, Placed>();
  const notes: string[] = [];
  const place = (item: RootItem, { path, directory }: { path: string; directory: boolean }): void => {
    const above = posix.dirname(path);
    if (above !== "/") {
      if (!placed.has(above)) place(directoryItem(above), { path: above, directory: true });
      if (!placed.get(above)!.directory) {
        notes.push(`${path} has no place in the image, since ${above} is no directory there; it is left out`);
        return;
      }
    }
    const present = placed.get(path);
    const moved = movedTo(item, path, base);
    if (present === undefined) {
      placed.set(path, { items: [moved], directory });
    } else if (present.directory && directory) {
      placed.set(path, { items: merged(present.items, moved), directory });
    } else if (!sameLink(present.items[0]!, moved)) {
      notes.push(`${path} comes from two places once the base's links are followed; the first is taken`);
    }
  };
  for (const item of items) {
    const path = pathOf(item);
    const directory = item.kind === "entry" ? isPlainDirectory(item) : isDirectory(item.source);
    const found = directory ? resolveInBase(base, path) : resolveInBase(base, posix.dirname(path));
    // A link that can't be followed is left alone: then the layer's own directory counts.
    const usable = found !== undefined && (found.entry === undefined || found.entry.type === "directory");
    const target = !usable ? path : directory ? found.path : posix.join(found.path, posix.basename(path));
    if (target === "/") continue;
    if (!directory && resolveInBase(base, target)?.entry?.type === "directory") {
      notes.push(`${target} is a directory in the base image; what the layer has in its place hides it`);
    }
    place(item, { path: target, directory });
  }
  return { items: [...placed.values()].flatMap(({ items }) => items), notes };
}

interface Placed {
  /** More than one only where they are directories. */
  readonly items: readonly RootItem[];
  readonly directory: boolean;
}

/** The items that make one directory. Among those that are only directories, the first real one counts. */
function merged(present: readonly RootItem[], item: RootItem): readonly RootItem[] {
  const really = present.filter((each) => !isImplied(each));
  if (really.length === 0) return [item];
  return item.kind === "tree" ? [...really, item] : really;
}

function pathOf(item: RootItem): string {
  return item.kind === "tree" ? item.target : item.entry.name;
}

function isPlainDirectory(item: RootItem): boolean {
  return item.kind === "entry" && item.entry.type === EntryType.directory;
}

function isImplied(item: RootItem): boolean {
  return item.kind === "entry" && item.implied === true;
}

function sameLink(one: RootItem, other: RootItem): boolean {
  const target = (item: RootItem) => (item.kind === "entry" ? item.entry.linkname : undefined);
  return target(one) !== undefined && target(one) === target(other);
}

function movedTo(item: RootItem, path: string, base: BaseTree): RootItem {
  if (item.kind === "tree") return { ...item, target: path };
  const { entry } = item;
  if (item.implied) return { ...item, entry: { ...entry, ...baseFields(base, path), name: path } };
  const { linkname } = entry;
  const away = entry.type === EntryType.symlink && posix.dirname(entry.name) !== posix.dirname(path);
  // A relative target was meant from where the link was.
  const target =
    away && linkname !== undefined ? posix.resolve(posix.dirname(entry.name), linkname) : linkname;
  return { ...item, entry: { ...entry, name: path, ...(target !== undefined && { linkname: target }) } };
}

/** The mode and owners of the base's directory at a path. */
function baseFields(base: BaseTree, path: string): Partial<EntryItem["entry"]> {
  const { type, mode, uid, gid, uname, gname } = base.get(path) ?? { type: "other" };
  if (type !== "directory") return {};
  return {
    ...(mode !== undefined && { mode }),
    ...(uid !== undefined && { uid }),
    ...(gid !== undefined && { gid }),
    ...(uname !== undefined && { uname }),
    ...(gname !== undefined && { gname }),
  };
}
