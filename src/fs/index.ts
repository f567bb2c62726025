export { type ListOptions, listTree, type TreeIdentity, type TreeListing } from "./listing.ts";
export { findChange, listRecipe, type PackOptions, packLayer } from "./pack.ts";
export type { EntryItem, LayerRecipe, Ownership, TreeItem } from "./recipe.ts";
