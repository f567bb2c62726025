/** varve's public API. */
export {
  type BuildOptions,
  checkSpec,
  draftImage,
  type ImagePlan,
  type ImageSpec,
  type ImageSpecInput,
  type PlannedDraft,
  type PlanOptions,
  planImage,
  readSpec,
  specJsonSchema,
  type Workshop,
} from "./build/index.ts";
export { type NixDatabaseOptions, type NixDbPath, nixDatabase } from "./customise/index.ts";
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
} from "./dockertools/index.ts";
export { type ErrorCode, VarveError } from "./errors.ts";
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
} from "./formats/index.ts";
export { type Component, makeGraph, type ReferencesGraph, readGraph } from "./graph/index.ts";
export {
  type CompressionChoice,
  draftOf,
  type FlattenImageOptions,
  flattenedTree,
  flattenImage,
  type Image,
  type ImageDraft,
  type ImageSink,
  type ImageSource,
  type Layer,
  type LayerProgress,
  type RootEntry,
  type RootTree,
  validateImage,
  type WriteOptions,
  type WrittenImage,
  writeImage,
} from "./image/index.ts";
export { type LayerPlan, layerBudget, planLayers, popularity, type Strategy } from "./layering/index.ts";
export {
  type Descriptor,
  type Digest,
  type ImageConfig,
  type Manifest,
  type Platform,
  parseReference,
  type Reference,
} from "./oci/index.ts";
export { Transports, type TransportsOptions } from "./transports/index.ts";
export type { ByteSource } from "./util/index.ts";
