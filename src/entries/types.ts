/** Types that the functions of varve take and return. */
export type {
  AttachedArtifact,
  AttachedDocument,
  AttestOptions,
  AuditOptions,
  BuildIndexOptions,
  BuiltIndex,
  BuiltPlatform,
  CheckedImage,
  CheckImageOptions,
  ComparedImage,
  ComparedRoots,
  Comparison,
  CopiedWithReferrers,
  CopyOptions,
  CreateIndexOptions,
  ExportOptions,
  HangingTree,
  ImageDescription,
  ImageDocument,
  ImageDocuments,
  InspectedImage,
  KnownRun,
  LayerContents,
  LayerKind,
  LicenceChange,
  MachineOptions,
  MergedImages,
  MergeOptions,
  OperationOptions,
  PlannedImage,
  PlanOptions,
  ProvenanceOptions,
  ReadReferrerOptions,
  RelayeredImage,
  RelayerOptions,
  Sbom,
  SbomComparison,
  SbomFormat,
  SbomOptions,
  SoundImage,
  SoundLayer,
  SourceListener,
  SpecOptions,
  WriteProgress,
  WritingOptions,
  Written,
  WrittenIndex,
  WrittenLayer,
} from "#app";
export type { BuildRun, PackageChange } from "#attest";
export type {
  CacheInfo,
  DigestCache,
  DigestCacheOptions,
  EntryKind,
  Pruned,
  PruneLimits,
  Verified,
} from "#cache";
export type {
  ChangeReason,
  ComponentChange,
  ConfigChange,
  FileAspect,
  FileChange,
  FileChanges,
  GoneLayer,
  ImageComparison,
  LayerComparison,
  LayerCost,
  RootAspect,
  RootComparison,
  RootDifference,
} from "#compare";
export type { Compression, CompressionChoice } from "#compress";
export type { PullArguments } from "#dockertools";
export type { Libc } from "#draft";
export type { FlattenProgress } from "#flatten";
export type {
  FinishedDraft,
  Image,
  ImageDraft,
  ImageSource,
  Layer,
  ReadOptions,
  UnmeasuredLayer,
} from "#image";
export type { Finding, FindingCode, IgnoreRule, Sifted } from "#inspect";
export type {
  ContainerConfig,
  Descriptor,
  Digest,
  DigestAlgorithm,
  HistoryEntry,
  ImageConfig,
  ImageIndex,
  Manifest,
  ManifestOrIndex,
  Platform,
  RawDocument,
} from "#oci";
export type { LeftOut, LeftOutReason } from "#project";
export type { Artifact, ArtifactBlob, ReadArtifact, ReferrerNode, Relation } from "#referrers";
export type {
  ChangeCost,
  Grouping,
  PlanComparison,
  PlanLayerComparison,
  PlanReport,
  ProjectChanges,
  PullCost,
  ReportedComponent,
  ReportedLayer,
  Touched,
} from "#report";
export type { ScriptName } from "#sandbox";
export type { SpecFields } from "#spec";
export type { TarEntry } from "#tar";
export type { TransportsOptions } from "#transports";
export type { AsideFile, BorrowedChunks, ByteSource, SpoolLimit } from "#util";
export type {
  FinishedImage,
  ImageSink,
  ImageWriter,
  IndexOptions,
  KnownBlob,
  KnownBlobs,
  LayerOutcome,
  LayerProgress,
  Naming,
  OpenOptions,
  StoredLayer,
} from "#write";
