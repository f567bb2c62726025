export { ListedAhead } from "./ahead.ts";
export { KeptListings } from "./kept-listings.ts";
export {
  type ListedTree,
  type ListOptions,
  listTree,
  readNames,
  type TreeIdentity,
  type TreeListing,
  treeKey,
} from "./listing.ts";
export { findChange, listRecipe, type PackOptions, packedSize, packLayer } from "./pack.ts";
export { permissionsOf } from "./permissions.ts";
export type { EntryItem, LayerRecipe, Ownership, PermissionRule, TreeItem } from "./recipe.ts";
export { areSmall } from "./small.ts";
export { roomForSmallFiles, type SmallFiles } from "./small-files.ts";
export { pathIn, pathsOf } from "./tree-names.ts";
