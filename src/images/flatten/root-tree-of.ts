import type { Image } from "#image";
import { flattenedTree } from "./flatten.ts";
import type { RootTree } from "./root-entry.ts";

const trees = new WeakMap<Image, Promise<RootTree>>();

/**
 * The tree that an image's layers make; they are read once, however often this is asked.
 * @throws VarveError what {@link flattenedTree} throws
 */
export async function rootTreeOf(image: Image): Promise<RootTree> {
  let tree = trees.get(image);
  if (tree === undefined) {
    tree = flattenedTree(image.layers);
    trees.set(image, tree);
    tree.catch(() => trees.delete(image));
  }
  return await tree;
}
