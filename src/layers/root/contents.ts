/** Component trees in the image's root, as symbolic links. */
import { constants, lstatSync, statSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { readError, VarveError } from "#errors";
import { type EntryItem, listTree, pathsOf, readNames, type TreeListing } from "#fs";
import { fsPath, realPath } from "#util";
import { rootItems } from "./items.ts";
import { type Directory, type Link, MergedRoot, newDirectory } from "./merge.ts";

export interface ContentsTree {
  /** The folder on this machine, or a link to one. */
  readonly source: string;
  /** The place of the same folder in the image. */
  readonly target: string;
}

export interface MergedContents {
  /** Directories and links, by name from the image's root. */
  readonly items: readonly EntryItem[];
  /** One sentence for each name that two trees have and that isn't a directory in both. */
  readonly notes: readonly string[];
}

/** Where a path of this machine is in the image; undefined if it isn't in it. */
export type Locate = (path: string) => string | undefined;

/**
 * Merges trees the way nixpkgs' `symlinkJoin` does: new directories are made and merged, a file becomes a link to the file
 * in the image, and a link stays as it is. If two trees have the same name, the first one wins; but if one has a directory
 * or a link to one, and the other a link to a directory, both are merged.
 * @throws VarveError `UNREADABLE` for a tree that isn't a folder; `NOT_FOUND`
 */
export function mergeContents(
  trees: readonly ContentsTree[],
  locate: Locate = locateIn(trees),
): MergedContents {
  const merged = new MergedRoot();
  for (const tree of trees) merged.add(linkedTree(tree, locate));
  return { items: rootItems(merged.root) as EntryItem[], notes: merged.notes };
}

/** Finds paths in the trees themselves. */
export function locateIn(trees: readonly ContentsTree[]): Locate {
  return (path) => {
    const tree = trees.find(({ source }) => path === source || path.startsWith(`${source}/`));
    return tree && tree.target + path.slice(tree.source.length);
  };
}

/**
 * A tree as directories and links.
 * @throws VarveError `UNREADABLE` if it isn't a folder; `NOT_FOUND`
 */
export function linkedTree({ source, target }: ContentsTree, locate: Locate): Directory {
  const listing = listFolder(source, "merge");
  const root = newDirectory(source);
  const directories = new Map([["", root]]);
  for (const [index, path] of pathsOf(listing.names).entries()) {
    if (index === 0) continue;
    const slash = path.lastIndexOf("/");
    const parent = directories.get(path.slice(0, Math.max(slash, 0)))!;
    const name = path.slice(slash + 1);
    if ((listing.modes[index]! & constants.S_IFMT) === constants.S_IFDIR) {
      const directory = newDirectory(source);
      directories.set(path, directory);
      parent.children.set(name, directory);
    } else {
      const text = listing.targets.get(index);
      const at = `${listing.root}/${path}`;
      parent.children.set(
        name,
        text === undefined
          ? { kind: "link", text: `${target}/${path}`, from: source }
          : linkTo(resolve(dirname(at), text), { text, from: source, locate, open: [] }),
      );
    }
  }
  return root;
}

/**
 * Lists a folder. If it is a link to a folder, the real path becomes the listing's root.
 * @throws VarveError `UNREADABLE` if it isn't a folder; `NOT_FOUND`
 */
export function listFolder(source: string, verb: "merge" | "copy"): TreeListing {
  try {
    const path = lstatSync(fsPath(source)).isSymbolicLink() ? realPath(source) : source;
    if (statSync(fsPath(path)).isDirectory()) return listTree(path);
  } catch (error) {
    throw readError(source, error);
  }
  throw new VarveError("UNREADABLE", `cannot ${verb} ${source} into the image's root: it is not a folder`);
}

interface LinkFields {
  readonly text: string;
  readonly from: string;
  readonly locate: Locate;
  /** The directories that were opened on the way here, so that none is opened inside itself. */
  readonly open: readonly string[];
}

/** A link to a path of this machine. It can be opened if it leads to a directory that is in the image. */
function linkTo(path: string, { text, from, locate, open }: LinkFields): Link {
  return {
    kind: "link",
    text,
    from,
    open: () => {
      const real = realDirectory(path);
      const place = real && (locate(real) ?? locate(path));
      if (real === undefined || place === undefined || open.includes(real)) return undefined;
      const directory = newDirectory(from);
      for (const name of readNames(real)) {
        const fields = { text: `${place}/${name}`, from, locate, open: [...open, real] };
        directory.children.set(name, linkTo(`${real}/${name}`, fields));
      }
      return directory;
    },
  };
}

/** The real path of an existing directory. */
export function realDirectory(path: string): string | undefined {
  try {
    return statSync(fsPath(path)).isDirectory() ? realPath(path) : undefined;
  } catch {
    return undefined;
  }
}
