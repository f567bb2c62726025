/** Trees copied into the image's root. */
import { constants } from "node:fs";
import { dirname, resolve } from "node:path";
import { listTree, pathsOf, type TreeListing } from "#fs";
import { listFolder, realDirectory } from "./contents.ts";
import { type Directory, type Node, newDirectory } from "./merge.ts";

export interface CopyOptions {
  /** Whether links to directories stay links, as with `rsync -K`; otherwise they become directories, as with `rsync -k`. */
  readonly keepDirlinks: boolean;
}

/**
 * A tree unchanged: files with their modes, links with their targets.
 * @throws VarveError `UNREADABLE` if it isn't a folder; `NOT_FOUND`, `UNSUPPORTED_FILE`
 */
export function copiedTree(source: string, options: CopyOptions): Directory {
  const listing = listFolder(source, "copy");
  return copiedFolder(listing, { ...options, from: source, open: [listing.root] });
}

interface Copying extends CopyOptions {
  readonly from: string;
  /** The real paths of the directories that were reached through links, so that none is copied into itself. */
  readonly open: readonly string[];
}

function copiedFolder(listing: TreeListing, copying: Copying): Directory {
  const { from } = copying;
  const directoryAt = (index: number, copyOf: string) =>
    newDirectory(from, { mode: listing.modes[index]! & 0o7777, copyOf });
  const root = directoryAt(0, listing.root);
  const directories = new Map([["", root]]);
  for (const [index, path] of pathsOf(listing.names).entries()) {
    if (index === 0) continue;
    const slash = path.lastIndexOf("/");
    const parent = directories.get(path.slice(0, Math.max(slash, 0)))!;
    const at = `${listing.root}/${path}`;
    const text = listing.targets.get(index);
    let node: Node;
    if ((listing.modes[index]! & constants.S_IFMT) === constants.S_IFDIR) {
      node = directoryAt(index, at);
      directories.set(path, node);
    } else if (text === undefined) {
      node = { kind: "file", from, data: { source: at } };
    } else {
      node = copiedLink(at, text, copying);
      if (node.kind === "directory") parent.copyOf = undefined;
    }
    parent.children.set(path.slice(slash + 1), node);
  }
  return root;
}

function copiedLink(at: string, text: string, copying: Copying): Node {
  const open = (): Directory | undefined => {
    const real = realDirectory(resolve(dirname(at), text));
    // Following a link to a directory above would never end.
    const within = (outer: string) => outer === real || outer.startsWith(real === "/" ? real : `${real}/`);
    if (real === undefined || within(dirname(at)) || copying.open.some(within)) return undefined;
    return copiedFolder(listTree(real), { ...copying, open: [...copying.open, real] });
  };
  const link: Node = { kind: "link", text, from: copying.from, open, keep: copying.keepDirlinks };
  return copying.keepDirlinks ? link : (open() ?? link);
}
