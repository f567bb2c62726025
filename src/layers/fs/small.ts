/** Whether there is little to pack, found out by looking at no more than that. */
import { lstatSync, readdirSync } from "node:fs";
import { fsPath } from "#util";
import type { LayerRecipe } from "./recipe.ts";

/** Whether recipes have at most so many files, and bytes in them, all together. What can't be looked at counts as much, and is told when it is packed. */
export function areSmall(
  recipes: readonly LayerRecipe[],
  { files, bytes }: { readonly files: number; readonly bytes: number },
): boolean {
  let left = files;
  let room = bytes;
  const fits = (path: string): boolean => {
    const stat = lstatSync(fsPath(path), { throwIfNoEntry: false });
    left--;
    room -= stat?.isFile() ? stat.size : 0;
    if (left < 0 || room < 0) return false;
    return !stat?.isDirectory() || readdirSync(fsPath(path)).every((name) => fits(`${path}/${name}`));
  };
  try {
    return recipes.every(({ items }) => items.every((item) => item.kind !== "tree" || fits(item.source)));
  } catch {
    return false;
  }
}
