export {
  type Artifact,
  type ArtifactBlob,
  artifactManifest,
  attachArtifact,
  type ReadArtifact,
  readArtifact,
} from "./artifact.ts";
export {
  checkCount,
  encodeReferrers,
  isReferrersTag,
  MAX_REFERRERS,
  ofType,
  referrerEntry,
  referrersIndex,
  referrersTag,
  withReferrers,
} from "./entries.ts";
export type {
  PutOptions,
  ReferrerDocument,
  ReferrerSource,
  ReferrerStore,
  ReferrersQuery,
} from "./store.ts";
