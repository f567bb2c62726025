export { beginListings } from "./ahead.ts";
export type { AttachedDocument } from "./attest/attach.ts";
export type { AuditOptions } from "./attest/audit.ts";
export type { SbomFormat } from "./attest/formats.ts";
export type { LicenceChange } from "./attest/licences.ts";
export type { AttestOptions, ImageDocument, ProvenanceOptions } from "./attest/wanted.ts";
export { type BakedImage, type BakeListener, type BakeOptions, type BakeTarget, bake } from "./bake/bake.ts";
export { type PlaceTargets, type TargetsOptions, targetsAt } from "./bake/file-targets.ts";
export {
  MATRICES,
  type MeantTarget,
  matrixText,
  meantTargets,
  type PrintedTarget,
  printTargets,
} from "./bake/print.ts";
export { type WorkspaceOptions, workspaceTargets } from "./bake/workspace-targets.ts";
export { type BuildOptions, type BuiltImage, build, buildFrom, inputs, type SpecOptions } from "./build.ts";
export {
  type BuildIndexOptions,
  type BuiltIndex,
  type BuiltPlatform,
  buildIndex,
  buildIndexFrom,
} from "./build-index.ts";
export { type CheckedImage, type CheckImageOptions, check } from "./check.ts";
export { type ComparedImage, type Comparison, compare } from "./compare.ts";
export { type ComparedRoots, compareRoots } from "./compare-roots.ts";
export type { LayerContents, LayerKind } from "./contents.ts";
export { type CopyOptions, copy } from "./copy.ts";
export { type CopiedWithReferrers, copyWithReferrers } from "./copy-referrers.ts";
export { type CreateIndexOptions, createIndex } from "./create-index.ts";
export { diffSboms, type SbomComparison } from "./diff-sboms.ts";
export { type ExportOptions, exportRoot } from "./export-root.ts";
export { collectGarbage, type Garbage, type GcOptions, type GcReport } from "./gc/index.ts";
export type { WrittenIndex } from "./index-places.ts";
export {
  type ImageDescription,
  type ImageDocuments,
  type InspectedImage,
  inspect,
} from "./inspect.ts";
export { ownErrors } from "./inspection.ts";
export type { AssembleOptions } from "./jobs/assemble.ts";
export { assemble, planJobs, runJob } from "./jobs/doors.ts";
export type { PlanJobsOptions, PlannedJobs } from "./jobs/plan-jobs.ts";
export type { DoneJob, RunJobOptions } from "./jobs/run-job.ts";
export { type ImageLock, type LockedBlob, lock, lockedBlob } from "./lock.ts";
export {
  type Machine,
  type MachineOptions,
  type Operation,
  type OperationOptions,
  openCache,
  operate,
  operateStream,
  thisMachine,
} from "./machine.ts";
export { type MergedImages, type MergeOptions, merge } from "./merge.ts";
export { isDockerArchive, openImages } from "./open-images.ts";
export {
  type Target,
  type WriteProgress,
  type WritingOptions,
  type Written,
  type WrittenLayer,
  writeDraft,
} from "./places.ts";
export { type PlannedImage, type PlanOptions, plan, planFrom, planGroups } from "./plan.ts";
export { planFleet } from "./plan-fleet.ts";
export {
  type AttachedArtifact,
  attach,
  type HangingTree,
  type ReadReferrerOptions,
  readReferrer,
  referrers,
  referrerTree,
} from "./referrers.ts";
export { type RelayeredImage, type RelayerOptions, relayer } from "./relayer.ts";
export { type Difference, type ReproduceOptions, type Reproduction, reproduce } from "./reproduce.ts";
export type { KnownRun } from "./run.ts";
export { type Sbom, type SbomOptions, sbom } from "./sbom.ts";
export { type ServeEvent, type ServeOptions, type Serving, serve } from "./serve.ts";
export { type PruneCacheOptions, pruneCache } from "./shared-cache.ts";
export type { SignBuiltOptions } from "./signatures/built.ts";
export type { SignatureDemand, TrustedRootOptions } from "./signatures/demand.ts";
export { attest, sign, verify } from "./signatures/doors.ts";
export type { IdentityOptions } from "./signatures/identity.ts";
export type { SourceDemand } from "./signatures/open.ts";
export type {
  AttestingOptions,
  Signed,
  SignedImage,
  SignerOptions,
  SignOptions,
} from "./signatures/sign.ts";
export type { VerifiedImage, VerifyOptions } from "./signatures/verify.ts";
export { openSource, type SourceListener, type SpecSource, specSource } from "./source.ts";
export { openSpecImages } from "./spec-images.ts";
export { type SoundImage, type SoundLayer, validate } from "./validate.ts";
