export {
  type Artifact,
  type ArtifactBlob,
  artifactManifest,
  attachArtifact,
  attachArtifacts,
  MAX_ARTIFACT_BYTES,
  type ReadArtifact,
  readArtifact,
} from "./artifact.ts";
export { type CopyReferrersOptions, copyDocument, copyReferrers } from "./copy.ts";
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
export { type ReferrerNode, type Relation, readTree } from "./tree.ts";
