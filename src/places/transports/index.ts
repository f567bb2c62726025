export {
  CACHE_ARTIFACT_TYPE,
  type CacheIndexOptions,
  type PulledCacheIndex,
  type PushCacheIndexOptions,
  type PushedCacheIndex,
  pullCacheIndex,
  pushCacheIndex,
} from "./cache-artifact.ts";
export { knownBlobs } from "./known-blobs.ts";
export { type Place, parseDestination, parseSource } from "./place.ts";
export { Transports, type TransportsOptions } from "./transports.ts";
