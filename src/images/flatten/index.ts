export { EntriesKept } from "./entries-kept.ts";
export {
  type FlattenOptions,
  flattenedTree,
  layerEntries,
  nameOf,
  type PlainLayer,
  plainLayer,
} from "./flatten.ts";
export {
  contentOf,
  type FlattenImageOptions,
  type FlattenProgress,
  flatEntry,
  flattenImage,
  gathered,
} from "./image.ts";
export type { RootEntry, RootEntryKind, RootNode, RootTree } from "./root-entry.ts";
export { rootTreeOf } from "./root-tree-of.ts";
export { isDirectory, LayeredTree, pathOf, type TreeNode } from "./tree.ts";
