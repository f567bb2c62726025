export {
  type PullSharedCacheOptions,
  type PushedSharedCache,
  type PushSharedCacheOptions,
  pullSharedCache,
  pushSharedCache,
  type SharedCacheOptions,
} from "./exchange.ts";
export { CACHE_ARTIFACT_TYPE } from "./names.ts";
