import { flattenedTree, type Image, type RootTree } from "../image/index.ts";

const trees = new WeakMap<Image, Promise<RootTree>>();

/**
 * The tree that a base image's layers make; they are read once, however often this is asked.
 * @throws VarveError what {@link flattenedTree} throws
 */
export async function rootTreeOf(base: Image): Promise<RootTree> {
  let tree = trees.get(base);
  if (tree === undefined) {
    tree = flattenedTree(base.layers);
    trees.set(base, tree);
    tree.catch(() => trees.delete(base));
  }
  return await tree;
}
