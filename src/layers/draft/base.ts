import type { DigestCache } from "#cache";
import { type RootTree, rootTreeOf } from "#flatten";
import type { Image } from "#image";
import type { BaseEntry, BaseTree } from "#root";
import { decodeNotes, encodeNotes } from "./base-notes.ts";

/**
 * The part of a base image's tree that is needed to follow its links. The layers are read for it (from a registry they are
 * pulled), unless the cache has it under the layers' diff IDs, which determine the tree, or somebody claims to have it whom the
 * user has told it to believe.
 * @throws VarveError what {@link rootTreeOf} throws
 */
export async function baseTreeOf(base: Image, cache: DigestCache | undefined): Promise<BaseTree> {
  const diffIds = base.layers.map(({ diffId }) => diffId);
  const own = cache?.base(diffIds);
  const known = own ?? (await cache?.claimedBase(diffIds));
  const entries = known && decodeNotes(known);
  if (entries !== undefined) return { get: (path) => entries.get(path) };
  const root = await rootTreeOf(base);
  const tree = { get: (path: string) => baseEntry(root, path) };
  if (cache !== undefined) {
    const notes = Array.from(root.entries(), ([path]) => [`/${path}`, tree.get(path)!] as const);
    cache.putBase(diffIds, encodeNotes(notes));
  }
  return tree;
}

function baseEntry(root: RootTree, path: string): BaseEntry | undefined {
  const node = root.get(path);
  const entry = root.entry(path)?.entry;
  if (node === undefined || entry === undefined) return node;
  const { mode, uid, gid, uname = "", gname = "" } = entry;
  return { ...node, mode, uid, gid, uname, gname };
}
