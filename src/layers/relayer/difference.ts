/** What of a root has to be in new layers, on top of a base's. */
import { flatEntry, isDirectory, type LayeredTree, pathOf, type RootEntry, type TreeNode } from "#flatten";
import type { TarEntry } from "#tar";
import { compareNames } from "#util";

/** A file or link by all of its names, which are in one layer. */
export interface Inode {
  readonly root: RootEntry;
  /** In the order of paths; more than one of hard links. */
  readonly names: readonly NamedNode[];
}

export interface NamedNode {
  readonly node: TreeNode;
  readonly path: string;
}

export interface Difference {
  /** All but directories, in the order of their first names. */
  readonly inodes: readonly Inode[];
  /** Directories that aren't as the base has them, or that something else is in. */
  readonly directories: readonly NamedNode[];
  /** What the base has and the root hasn't: of what lies in each other, the outermost. */
  readonly removed: readonly string[];
}

/** What a tree has besides a base, or all of it without one. */
export function differenceOf(tree: LayeredTree, base: ReadonlyMap<string, RootEntry>): Difference {
  const groups = new Map<RootEntry, NamedNode[]>();
  const directories: NamedNode[] = [];
  for (const node of tree.nodes()) {
    const path = pathOf(node);
    if (isDirectory(node)) directories.push({ node, path });
    else {
      const names = groups.get(node.root);
      if (names === undefined) groups.set(node.root, [{ node, path }]);
      else names.push({ node, path });
    }
  }
  const inodes = [...groups]
    .filter(([root, names]) => names.some(({ path }) => base.get(path) !== root))
    .flatMap(([root, names]) => {
      const sorted = names.sort((a, b) => compareNames(a.path, b.path));
      // A symbolic link with several names is as good as several.
      return root.kind === "symlink"
        ? sorted.map((name) => ({ root, names: [name] }))
        : [{ root, names: sorted }];
    })
    .sort((a, b) => compareNames(a.names[0]!.path, b.names[0]!.path));
  const removed = removedFrom(base, tree);
  const touched = new Set<TreeNode>();
  const touch = (node: TreeNode | undefined) => {
    for (let at = node; at !== undefined && !touched.has(at); at = at.parent) touched.add(at);
  };
  for (const { names } of inodes) for (const { node } of names) touch(node.parent);
  for (const path of removed) touch(tree.node(folderOf(path)));
  for (const { node, path } of directories) {
    const before = base.get(path);
    if (before === undefined || !isSameDirectory(before, node)) touch(node);
  }
  return {
    inodes,
    removed,
    directories: directories.filter(
      ({ node }) => touched.has(node) && !(node.parent === undefined && node.root.implied),
    ),
  };
}

function removedFrom(base: ReadonlyMap<string, RootEntry>, tree: LayeredTree): string[] {
  const removed: string[] = [];
  for (const path of base.keys()) {
    if (tree.get(path) !== undefined) continue;
    // What lies in something that is gone, or is no directory any more, goes with it.
    if (tree.get(folderOf(path))?.type === "directory") removed.push(path);
  }
  return removed.sort(compareNames);
}

/** The path of the folder that a path is in; empty for the root. */
function folderOf(path: string): string {
  return path.slice(0, Math.max(path.lastIndexOf("/"), 0));
}

function isSameDirectory(before: RootEntry, node: TreeNode): boolean {
  if (before === node.root) return true;
  if (before.kind !== "directory") return false;
  return textOf(flatEntry({ ...node, root: before }, {})) === textOf(flatEntry(node, {}));
}

function textOf(entry: TarEntry): string {
  return JSON.stringify({ ...entry, pax: [...(entry.pax ?? [])].sort() });
}
