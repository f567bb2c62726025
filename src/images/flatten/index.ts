export { EntriesKept } from "./entries-kept.ts";
export { type FlattenOptions, flattenedTree, layerEntries, type PlainLayer, plainLayer } from "./flatten.ts";
export { type FlattenImageOptions, type FlattenProgress, flattenImage } from "./image.ts";
export type { RootEntry, RootEntryKind, RootNode, RootTree } from "./root-entry.ts";
export { rootTreeOf } from "./root-tree-of.ts";
export { LayeredTree, pathOf, type TreeNode } from "./tree.ts";
