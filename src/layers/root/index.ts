export { type BaseEntry, type BaseTree, type Resolved, resolveInBase } from "./base-tree.ts";
export { decodeCapabilities, encodeCapabilities } from "./capabilities.ts";
export { type ContentsTree, type Locate, type MergedContents, mergeContents } from "./contents.ts";
export { type FollowedItems, type FollowOptions, followBase } from "./follow-base.ts";
export type { RootItem } from "./items.ts";
export { type NixDatabaseOptions, type NixDbPath, nixDatabase } from "./nix-db.ts";
export { type CompiledRule, compileRules, type PathRule, rulesFor, unmatchedGlobs } from "./permissions.ts";
export { type ImageRoot, layRoot, type RootOptions } from "./root.ts";
export type { RootFiles } from "./root-files.ts";
