/** Shares a root out among components: packages, folders, and what every update changes. */
import { makeGraph, type ReferencesGraph } from "#graph";
import { FOLDER_DEPTH, folderOf, type Packages, UPKEEP } from "#packages";
import { BLOCK_SIZE, padding } from "#tar";
import type { Difference, Inode } from "./difference.ts";

export interface Shares {
  readonly graph: ReferencesGraph;
  /** Of each component, what is in it. */
  readonly inodes: ReadonlyMap<string, readonly Inode[]>;
  /** About how many bytes of an archive each takes. */
  readonly sizes: ReadonlyMap<string, number>;
}

/** More components than any real image has would make planning slow, so folders count then, and fewer of them. */
const MAX_COMPONENTS = 20_000;

/** Puts each file into a component. */
export function sharesOf({ inodes, directories, removed }: Difference, packages: Packages): Shares {
  for (let depth = FOLDER_DEPTH; ; depth--) {
    const shares = Map.groupBy(inodes, (inode) => componentOf(inode, { packages, depth }));
    if (shares.size > MAX_COMPONENTS && depth > -1) continue;
    if (directories.length > 0 || removed.length > 0) shares.set(UPKEEP, shares.get(UPKEEP) ?? []);
    const sizes = new Map([...shares].map(([id, list]) => [id, sizeOf(list)]));
    if (shares.has(UPKEEP)) {
      sizes.set(UPKEEP, sizes.get(UPKEEP)! + BLOCK_SIZE * (directories.length + removed.length));
    }
    return { graph: graphOf(shares.keys(), packages), inodes: shares, sizes };
  }
}

/** @param depth how deep folders are told apart; below 0 packages aren't either */
function componentOf(
  { root, names }: Inode,
  { packages, depth }: { packages: Packages; depth: number },
): string {
  for (const { path } of depth < 0 ? [] : names) {
    const owner = packages.ownerOf(path, root);
    if (owner !== undefined) return owner;
  }
  return folderOf(names[0]!.path, Math.max(depth, 0));
}

function graphOf(ids: Iterable<string>, { packages }: Packages): ReferencesGraph {
  const components = [...ids].map((id) => {
    const { name, version = "", repository } = packages.get(id) ?? {};
    return {
      ...{ id, path: `/${id}`, references: [], version },
      ...(name !== undefined && { name }),
      ...(repository !== undefined && { repository }),
    };
  });
  return makeGraph(components, { kind: "npm", origin: "the image", app: UPKEEP });
}

function sizeOf(inodes: readonly Inode[]): number {
  let size = 0;
  for (const { root, names } of inodes) {
    const content = root.kind === "file" ? root.entry.size : 0;
    size += names.length * BLOCK_SIZE + content + padding(content);
  }
  return size;
}
