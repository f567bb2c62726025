export { knownBlobs } from "./known-blobs.ts";
export { type Place, parseDestination, parseSource } from "./place.ts";
export {
  CACHE_ARTIFACT_TYPE,
  type PrunedSharedCache,
  type PruneSharedCacheOptions,
  type PullSharedCacheOptions,
  type PushedSharedCache,
  type PushSharedCacheOptions,
  parseSegmentTag,
  pruneSharedCache,
  pullSharedCache,
  pushSharedCache,
  type SharedCacheOptions,
  unneededSegments,
} from "./shared-cache/index.ts";
export { Transports, type TransportsOptions } from "./transports.ts";
