import type { DigestCache } from "#cache";
import { type RootTree, rootTreeOf } from "#flatten";
import type { Image } from "#image";
import type { BaseEntry, BaseTree } from "#root";

/**
 * The part of a base image's tree that is needed to follow its links. The layers are read for it (from a registry they are
 * pulled), unless the cache has it under the layers' diff IDs, which determine the tree.
 * @throws VarveError what {@link rootTreeOf} throws
 */
export async function baseTreeOf(base: Image, cache: DigestCache | undefined): Promise<BaseTree> {
  const diffIds = base.layers.map(({ diffId }) => diffId);
  const known = cache?.base(diffIds);
  if (known !== undefined) {
    const entries = new Map(JSON.parse(Buffer.from(known).toString()) as [string, BaseEntry][]);
    return { get: (path) => entries.get(path) };
  }
  const root = await rootTreeOf(base);
  const tree = { get: (path: string) => baseEntry(root, path) };
  if (cache !== undefined) {
    const entries = Array.from(root.entries(), ([path]) => [`/${path}`, tree.get(path)]);
    cache.putBase(diffIds, Buffer.from(JSON.stringify(entries)));
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
