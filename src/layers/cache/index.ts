export { openDigestCache } from "./cache.ts";
export type {
  CachedBlob,
  CachedLayer,
  ClaimedBlob,
  ClaimSource,
  DigestCache,
  DigestCacheOptions,
} from "./digest-cache.ts";
export {
  type CacheEntry,
  type DecodedEntries,
  decodeEntries,
  type EntryKind,
  encodeEntries,
} from "./entry.ts";
export { cacheFolder } from "./folder.ts";
export {
  type BlobKey,
  COMPRESSOR_FORMAT,
  type LayerKey,
  layerKey,
  type TreeKey,
  UNSETTLED,
  WRITER_FORMAT,
} from "./key.ts";
export {
  decodeHead,
  decodeRecords,
  decodeSegment,
  encodeSegment,
  isAfter,
  likelyHead,
  MAX_SEGMENT,
  mergeRecords,
  NO_SUB,
  recordName,
  type Segment,
  type SegmentHead,
  type SharedRecord,
  usedLast,
} from "./segment.ts";
export { treesFolder } from "./trees.ts";
export {
  type CacheInfo,
  DEFAULT_MAX_AGE,
  DEFAULT_MAX_ENTRIES,
  type Pruned,
  type PruneLimits,
  type Verified,
} from "./upkeep.ts";
export { type Sharable, WORTH_ASKING } from "./used.ts";
