import type { EntryItem, TreeItem } from "#fs";
import { EntryType } from "#tar";
import { sortNames } from "#util";
import type { Directory, Node } from "./merge.ts";

/** What `recipe.items` holds. */
export type RootItem = EntryItem | TreeItem;

/**
 * The items that make a merged root: a directory before what is in it, and names in a directory by code point.
 * @param whole whether the directory at a path, if it is an unchanged copy, may be one tree instead of many
 */
export function rootItems(root: Directory, whole: (path: string) => boolean = () => true): RootItem[] {
  const items: RootItem[] = [];
  const visit = (directory: Directory, path: string): void => {
    for (const name of sortNames([...directory.children.keys()])) {
      const node = directory.children.get(name)!;
      const below = `${path}/${name}`;
      if (node.kind === "directory" && node.copyOf !== undefined && isCopy(node) && whole(below)) {
        items.push({ kind: "tree", source: node.copyOf, target: below });
        continue;
      }
      items.push(itemOf(node, below));
      if (node.kind === "directory") visit(node, below);
    }
  };
  visit(root, "");
  return items;
}

/** Whether all directories in a copy come from the copied directory itself. */
function isCopy({ copyOf, children }: Directory): boolean {
  for (const [name, node] of children) {
    if (node.kind === "directory" && !(node.copyOf === `${copyOf}/${name}` && isCopy(node))) return false;
  }
  return true;
}

function itemOf(node: Node, name: string): RootItem {
  if (node.kind === "directory") return directoryItem(name, node.mode);
  if (node.kind === "link") return linkItem(name, node.text);
  const { data } = node;
  if ("source" in data) return { kind: "tree", source: data.source, target: name };
  return { kind: "entry", entry: { name, type: EntryType.file, mode: data.mode }, content: data.content };
}

/** A directory; one without a mode is there only because something is in it. */
export function directoryItem(name: string, mode?: number): EntryItem {
  const entry = { name, type: EntryType.directory, mode: mode ?? 0o755 };
  return { kind: "entry", entry, ...(mode === undefined && { implied: true }) };
}

export function linkItem(name: string, linkname: string): EntryItem {
  return { kind: "entry", entry: { name, type: EntryType.symlink, mode: 0o777, linkname } };
}
