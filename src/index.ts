/** varve's public API. */

export type { CompressionChoice } from "#compress";
export {
  buildImage,
  buildLayeredImage,
  exportImage,
  type FunctionOptions,
  type ImageArguments,
  type MergeArguments,
  mergeImages,
  type PullArguments,
  pullImage,
  type ReadConfOptions,
  readConf,
  type StreamConf,
  type StreamOptions,
  shadowSetup,
  streamConf,
  streamLayeredImage,
} from "#dockertools";
export { type BuildOptions, draftImage, type PlannedDraft, type Workshop } from "#draft";
export { type ErrorCode, VarveError } from "#errors";
export {
  type FlattenImageOptions,
  flattenedTree,
  flattenImage,
  type RootEntry,
  type RootTree,
} from "#flatten";
export {
  type ArchiveOutput,
  dockerArchiveSink,
  dockerArchiveSource,
  fileOutput,
  type MergeOptions,
  mergedDockerArchive,
  mergedOciArchive,
  ociArchiveSink,
  ociArchiveSource,
  ociLayoutSink,
  ociLayoutSource,
} from "#formats";
export { type Component, makeGraph, type ReferencesGraph, readGraph } from "#graph";
export { draftOf, type Image, type ImageDraft, type ImageSource, type Layer } from "#image";
export { type LayerPlan, layerBudget, planLayers, popularity, type Strategy } from "#layering";
export {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Manifest,
  type Platform,
  parseReference,
  type Reference,
} from "#oci";
export { type ImagePlan, type PlanOptions, planImage } from "#plan";
export { type NixDatabaseOptions, type NixDbPath, nixDatabase } from "#root";
export { checkSpec, type ImageSpec, type ImageSpecInput, readSpec, specJsonSchema } from "#spec";
export { Transports, type TransportsOptions } from "#transports";
export type { ByteSource } from "#util";
export {
  type ImageSink,
  type LayerProgress,
  validateImage,
  type WriteOptions,
  type WrittenImage,
  writeImage,
} from "#write";
