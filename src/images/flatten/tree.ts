/**
 * The tree that an image's layers make together, each on top of those below it.
 *
 * Runtimes differ in one point, and varve does what those do that stack layers with overlayfs (Docker, containerd,
 * Podman, by default): a layer is unpacked by itself. A symbolic link in the folder of an entry is followed,
 * within the root, only if the same layer has it; one of a lower layer, or a file, is covered by a directory. Runtimes
 * that unpack all layers into one folder (umoci, VFS drivers) follow such a link. Directories of several layers are
 * merged, and one that a layer has no entry for keeps its owner and mode.
 */
import { VarveError } from "#errors";
import { EntryType, type TarEntry } from "#tar";
import { EntriesKept } from "./entries-kept.ts";
import { type EntryPlace, invalidEntry, namedChange, splitPath } from "./names.ts";
import {
  impliedEntry,
  type LayerPosition,
  type RootEntry,
  type RootNode,
  type RootTree,
  rootEntry,
} from "./root-entry.ts";

export interface TreeNode {
  readonly name: string;
  readonly parent: DirectoryNode | undefined;
  root: RootEntry;
  /** The highest layer that has something here, or below. */
  touched: number;
  readonly children?: Map<string, TreeNode>;
}

export type DirectoryNode = TreeNode & { readonly children: Map<string, TreeNode> };

/** As many links as Linux follows in one path. */
const MAX_LINKS = 40;

/** How many directories without an entry there may be. Real images have few, and they cost memory without any bytes in the archive. */
const MAX_IMPLIED = 1_000_000;

/** Puts layers on top of each other, entry by entry, from the bottom up. */
export class LayeredTree implements RootTree {
  readonly root: DirectoryNode = {
    name: "",
    parent: undefined,
    root: impliedEntry({ layer: 0, position: 0 }),
    touched: 0,
    children: new Map(),
  };
  #implied = 0;
  readonly #kept: EntriesKept;

  /** @param kept bounds the memory that entries take; by default as {@link EntriesKept} does */
  constructor(kept: EntriesKept = new EntriesKept()) {
    this.#kept = kept;
  }

  get(path: string): RootNode | undefined {
    const found = this.entry(path);
    if (found === undefined) return undefined;
    const { kind, entry } = found;
    if (kind === "symlink") return { type: kind, target: entry.linkname ?? "" };
    return { type: kind === "directory" || kind === "file" ? kind : "other" };
  }

  entry(path: string): RootEntry | undefined {
    return this.node(path)?.root;
  }

  /** The node of a path, with or without a slash in front; undefined for nothing. No link is followed. */
  node(path: string): TreeNode | undefined {
    let node: TreeNode | undefined = this.root;
    for (const part of path.split("/")) {
      if (part !== "" && part !== ".") node = node?.children?.get(part);
    }
    return node;
  }

  *entries(): IterableIterator<[string, RootEntry]> {
    for (const node of this.nodes()) yield [pathOf(node), node.root];
  }

  /** All nodes, the root first. */
  *nodes(): Generator<TreeNode, void, void> {
    const waiting: TreeNode[] = [this.root];
    for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
      yield node;
      if (node.children !== undefined) waiting.push(...node.children.values());
    }
  }

  /**
   * Takes the next entry of a layer.
   * @param name the entry's name, where `entry` stands for several that differ in nothing else
   * @throws VarveError `INVALID_IMAGE` for one that has no meaning within the root; `TOO_LARGE`
   */
  apply(entry: TarEntry, at: LayerPosition, name: string = entry.name): void {
    const place: EntryPlace = { what: at.what, name };
    const change = namedChange(place);
    switch (change.kind) {
      case "ignored":
        return;
      case "opaque": {
        const folder = this.#enter(change.path, { at, place });
        for (const child of [...folder.children.values()]) dropLower(child, at);
        return;
      }
      case "whiteout": {
        const folder = this.#enter(change.path.slice(0, -1), { at, place });
        const hidden = folder.children.get(change.path.at(-1)!);
        if (hidden !== undefined) dropLower(hidden, at);
        return;
      }
      case "entry":
        this.#add(change.path, { entry, at, place });
    }
  }

  #add(
    path: readonly string[],
    { entry, at, place }: { entry: TarEntry; at: LayerPosition; place: EntryPlace },
  ): void {
    const root =
      entry.type === EntryType.hardLink ? this.#linked(entry, place) : rootEntry(entry, { at, place });
    this.#kept.add(entry, { what: at.what, recount: () => this.#entries() });
    const name = path.at(-1);
    if (name === undefined) {
      if (root.kind !== "directory") throw invalidEntry(place, "is the root, but no directory");
      this.root.root = root;
      return;
    }
    const parent = this.#enter(path.slice(0, -1), { at, place });
    const present = parent.children.get(name);
    if (root.kind !== "directory") {
      parent.children.set(name, { name, parent, root, touched: at.layer });
    } else if (isDirectory(present)) {
      present.root = root;
      present.touched = at.layer;
    } else {
      parent.children.set(name, { name, parent, root, touched: at.layer, children: new Map() });
    }
  }

  *#entries(): Generator<TarEntry, void, void> {
    for (const { root } of this.nodes()) yield root.entry;
  }

  /** What a hard link leads to; it may be in a lower layer, too, and behind any links. */
  #linked(entry: TarEntry, place: EntryPlace): RootEntry {
    const linkname = entry.linkname ?? "";
    const node = this.#find(splitPath(linkname, place), place);
    if (node === undefined) throw invalidEntry(place, `is a hard link to ${linkname}, which isn't there`);
    if (isDirectory(node)) throw invalidEntry(place, `is a hard link to ${linkname}, which is a directory`);
    return node.root;
  }

  #find(path: readonly string[], place: EntryPlace): TreeNode | undefined {
    let node: TreeNode = this.root;
    const rest = [...path].reverse();
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      if (name === "..") {
        node = node.parent ?? this.root;
        continue;
      }
      const child: TreeNode | undefined = node.children?.get(name);
      if (child === undefined) return undefined;
      if (child.root.kind === "symlink" && rest.length > 0) {
        if (++links > MAX_LINKS) throw tooManyLinks(place);
        const target = child.root.entry.linkname ?? "";
        if (target.startsWith("/")) node = this.root;
        rest.push(...targetParts(target));
      } else {
        node = child;
      }
    }
    return node;
  }

  /** The directory at a path, made where it isn't there or isn't one. */
  #enter(path: readonly string[], { at, place }: { at: LayerPosition; place: EntryPlace }): DirectoryNode {
    let folder: DirectoryNode = this.root;
    // Nearly all entries lie in folders that are there.
    let known = 0;
    for (; known < path.length; known++) {
      const child = folder.children.get(path[known]!);
      if (!isDirectory(child)) break;
      folder.touched = at.layer;
      folder = child;
    }
    const rest = path.slice(known).reverse();
    let links = 0;
    for (let name = rest.pop(); name !== undefined; name = rest.pop()) {
      folder.touched = at.layer;
      if (name === "..") {
        folder = folder.parent ?? this.root;
        continue;
      }
      const child: TreeNode | undefined = folder.children.get(name);
      if (isDirectory(child)) {
        folder = child;
      } else if (child === undefined || child.touched < at.layer) {
        folder = this.#imply(folder, { name, at });
      } else if (child.root.kind === "symlink") {
        if (++links > MAX_LINKS) throw tooManyLinks(place);
        const target = child.root.entry.linkname ?? "";
        if (target.startsWith("/")) folder = this.root;
        rest.push(...targetParts(target));
      } else {
        throw invalidEntry(place, `lies below ${pathOf(child)}, which is not a directory`);
      }
    }
    folder.touched = at.layer;
    return folder;
  }

  #imply(parent: DirectoryNode, { name, at }: { name: string; at: LayerPosition }): DirectoryNode {
    if (++this.#implied > MAX_IMPLIED) {
      throw new VarveError("TOO_LARGE", `${at.what} has more folders without an entry than any real image`);
    }
    const node = { name, parent, root: impliedEntry(at), touched: at.layer, children: new Map() };
    parent.children.set(name, node);
    return node;
  }
}

/** A node's path from the root, without a slash in front; empty for the root. */
export function pathOf(node: TreeNode): string {
  const parts: string[] = [];
  for (let at: TreeNode = node; at.parent !== undefined; at = at.parent) parts.push(at.name);
  return parts.reverse().join("/");
}

export function isDirectory(node: TreeNode | undefined): node is DirectoryNode {
  return node?.children !== undefined;
}

/** Takes away what lower layers have at a node, whether the layer's own entries come before this or after. */
function dropLower(start: TreeNode, at: LayerPosition): void {
  const waiting = [start];
  for (let node = waiting.pop(); node !== undefined; node = waiting.pop()) {
    if (node.touched < at.layer) {
      node.parent?.children.delete(node.name);
    } else if (isDirectory(node)) {
      if (node.root.layer < at.layer) node.root = impliedEntry(at);
      waiting.push(...node.children.values());
    }
  }
}

/** A link's target as parts to be taken from the end; the root has no parent but itself. */
function targetParts(target: string): string[] {
  return target
    .split("/")
    .filter((part) => part !== "" && part !== ".")
    .reverse();
}

function tooManyLinks(place: EntryPlace): VarveError {
  return invalidEntry(place, "lies behind more symbolic links than any system follows");
}
