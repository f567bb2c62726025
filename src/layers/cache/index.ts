export { openDigestCache } from "./cache.ts";
export type { CachedBlob, CachedLayer, DigestCache, DigestCacheOptions, Imported } from "./digest-cache.ts";
export {
  type CacheEntry,
  type DecodedEntries,
  decodeEntries,
  type EntryKind,
  encodeEntries,
} from "./entry.ts";
export {
  type BlobKey,
  COMPRESSOR_FORMAT,
  type LayerKey,
  layerKey,
  type TreeKey,
  UNSETTLED,
  WRITER_FORMAT,
} from "./key.ts";
export { treesFolder } from "./trees.ts";
export {
  type CacheInfo,
  DEFAULT_MAX_AGE,
  DEFAULT_MAX_ENTRIES,
  type Pruned,
  type PruneLimits,
  type Verified,
} from "./upkeep.ts";
