export { type ListOptions, listTree, readNames, type TreeIdentity, type TreeListing } from "./listing.ts";
export { findChange, listRecipe, type PackOptions, packLayer } from "./pack.ts";
export type { EntryItem, LayerRecipe, Ownership, PermissionRule, TreeItem } from "./recipe.ts";
