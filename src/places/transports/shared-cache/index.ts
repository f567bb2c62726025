export {
  type PullSharedCacheOptions,
  type PushedSharedCache,
  type PushSharedCacheOptions,
  pullSharedCache,
  pushSharedCache,
  type SharedCacheOptions,
} from "./exchange.ts";
export { CACHE_ARTIFACT_TYPE, parseSegmentTag } from "./names.ts";
export {
  type PrunedSharedCache,
  type PruneSharedCacheOptions,
  pruneSharedCache,
  unneededSegments,
} from "./prune.ts";
