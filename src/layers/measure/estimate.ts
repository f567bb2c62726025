/** How large a layer will be. */
import type { LayerRecipe, TreeListing } from "#fs";
import { BLOCK_SIZE, padding } from "#tar";

/** The archive's length, not counting headers that take more than one block. */
export function estimateSize({ items }: LayerRecipe, listings: readonly TreeListing[]): number {
  let size = items.length * BLOCK_SIZE;
  for (const { sizes } of listings) {
    for (const content of sizes) size += BLOCK_SIZE + content + padding(content);
  }
  return size;
}
