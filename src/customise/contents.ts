/** What lies in the image's root besides the components: their trees, merged as symbolic links. */
import { constants } from "node:fs";
import { VarveError } from "../errors.ts";
import { type EntryItem, listTree } from "../fs/index.ts";
import { EntryType } from "../tar/index.ts";
import { sortNames } from "../util/index.ts";

export interface ContentsTree {
  /** The folder on this machine. */
  readonly source: string;
  /** Where the same folder is in the image. */
  readonly target: string;
}

export interface MergedContents {
  /** Directories and links, by name from the image's root. */
  readonly items: readonly EntryItem[];
  /** One sentence for each name that two trees have and that isn't a directory in both. */
  readonly notes: readonly string[];
}

/** What a name in the root is: a directory, or a link. */
type Node =
  | { readonly directory: true; readonly from: string }
  | { readonly link: string; readonly from: string };

/**
 * Merges trees the way nixpkgs' `symlinkJoin` does: directories are made anew and merged, a file becomes a link to
 * the file in the image, and a link stays the link it is. The first of two equal names wins.
 * @throws VarveError `UNREADABLE` for a tree that isn't a folder; `NOT_FOUND`
 */
export function mergeContents(trees: readonly ContentsTree[]): MergedContents {
  const nodes = new Map<string, Node>();
  const notes: string[] = [];
  for (const tree of trees) {
    // Once a name is lost to another tree's file or link, so is all that is below it.
    let lost: string | undefined;
    for (const { name, node } of nodesOf(tree)) {
      if (lost !== undefined && name.startsWith(`${lost}/`)) continue;
      const present = nodes.get(name);
      if (present === undefined) nodes.set(name, node);
      else if (!("directory" in present && "directory" in node)) {
        lost = name;
        notes.push(`/${name} is in both ${present.from} and ${tree.source}; the first is taken`);
      }
    }
  }
  const items = sortByPath([...nodes.keys()]).map((name) => entryItem(name, nodes.get(name)!));
  return { items, notes };
}

function* nodesOf(tree: ContentsTree): Generator<{ name: string; node: Node }, void, void> {
  const listing = listTree(tree.source);
  if ((listing.modes[0]! & constants.S_IFMT) !== constants.S_IFDIR) {
    throw new VarveError(
      "UNREADABLE",
      `cannot merge ${tree.source} into the image's root: it is not a folder`,
    );
  }
  for (let index = 1; index < listing.names.length; index++) {
    const name = listing.names[index]!;
    const type = listing.modes[index]! & constants.S_IFMT;
    const target = listing.targets.get(index);
    if (type === constants.S_IFDIR) yield { name, node: { directory: true, from: tree.source } };
    else yield { name, node: { link: target ?? `${tree.target}/${name}`, from: tree.source } };
  }
}

/** A directory before what is in it, and names in a directory by code point. */
function sortByPath(names: string[]): string[] {
  // No byte sorts before NUL, so that a folder's content stays together.
  return sortNames(names.map((name) => name.replaceAll("/", "\0"))).map((name) => name.replaceAll("\0", "/"));
}

function entryItem(name: string, node: Node): EntryItem {
  return {
    kind: "entry",
    entry:
      "directory" in node
        ? { name: `/${name}`, type: EntryType.directory, mode: 0o755 }
        : { name: `/${name}`, type: EntryType.symlink, mode: 0o777, linkname: node.link },
  };
}
