export { type ContentsTree, type MergedContents, mergeContents } from "./contents.ts";
