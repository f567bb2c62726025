/** What is in the image's root besides the components, as the items of one layer. */
import type { BaseTree } from "./base-tree.ts";
import { resolveInBase } from "./base-tree.ts";
import { type ContentsTree, type Locate, linkedTree, locateIn } from "./contents.ts";
import { copiedTree } from "./copy.ts";
import { type FollowedItems, followBase } from "./follow-base.ts";
import { type RootItem, rootItems } from "./items.ts";
import { MergedRoot } from "./merge.ts";
import { type RootFiles, rootFiles, tmpTree } from "./root-files.ts";

export interface RootOptions extends RootFiles {
  /** Trees that become links. */
  readonly contents?: readonly ContentsTree[];
  /** Folders on this machine that are copied; if two have the same name, the last one wins. */
  readonly copyToRoot?: readonly string[];
  /** Whether links to directories in what is copied stay links. */
  readonly keepDirlinks?: boolean;
  /** Where paths of this machine are in the image; by default only the contents are. */
  readonly locate?: Locate;
  /** Whether there is a `/tmp` for everybody. */
  readonly tmp?: boolean;
}

/**
 * The items of the root's layer, and notes on names that were lost. Copied files take precedence over
 * links, and both over {@link RootFiles}.
 */
export interface ImageRoot {
  readonly isEmpty: boolean;
  /** @param base the tree of the base, if its links are to be followed */
  items(base?: BaseTree): FollowedItems;
}

/** @throws VarveError `UNREADABLE` for a tree that isn't a folder; `NOT_FOUND`, `UNSUPPORTED_FILE` */
export function layRoot({
  contents = [],
  copyToRoot = [],
  keepDirlinks = false,
  locate = locateIn(contents),
  tmp = false,
  ...files
}: RootOptions): ImageRoot {
  const copied = new MergedRoot("last");
  for (const source of copyToRoot.toReversed()) copied.add(copiedTree(source, { keepDirlinks }));
  copied.settle();
  const merged = new MergedRoot();
  if (tmp) merged.add(tmpTree());
  merged.add(copied.root);
  for (const tree of contents) merged.add(linkedTree(tree, locate));
  merged.add(rootFiles(files));
  merged.settle();
  const notes = [...copied.notes, ...merged.notes];
  return {
    isEmpty: merged.root.children.size === 0,
    items(base) {
      if (base === undefined) return { items: rootItems(merged.root), notes };
      const inBase = (path: string) => resolveInBase(base, path)?.entry;
      merged.openLinks((path) => inBase(path)?.type === "directory");
      const items: RootItem[] = rootItems(merged.root, (path) => inBase(path) === undefined);
      const followed = followBase(items, base);
      return { items: followed.items, notes: [...notes, ...followed.notes] };
    },
  };
}
