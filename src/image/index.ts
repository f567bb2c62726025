export { assembleImage, checkPlatform, type ImageParts, layerComments } from "./assemble.ts";
export type { Blob, BlobStore, StoredBlob } from "./blob-store.ts";
export { type SharedReading, shareReading } from "./broadcast.ts";
export { compareImages } from "./compare.ts";
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
} from "./compare-types.ts";
export {
  type Compression,
  type CompressionChoice,
  compress,
  compressionOf,
  decompress,
} from "./compression.ts";
export { type NewConfig, newConfig } from "./config.ts";
export { DEFAULT_COMPRESSION, encodeLayer } from "./encode.ts";
export { type FlattenOptions, flattenedTree } from "./flatten.ts";
export { type FlattenImageOptions, type FlattenProgress, flattenImage } from "./flatten-image.ts";
export type { RootEntry, RootEntryKind, RootNode, RootTree } from "./flatten-tree.ts";
export { componentsComment, componentsOf } from "./history.ts";
export {
  draftOf,
  type FinishedDraft,
  type Image,
  type ImageDraft,
  type NewManifest,
  newManifest,
} from "./image.ts";
export { type Inherit, inheritConfig, mergeEnv } from "./inherit.ts";
export { isUnmeasured, type Layer, type UnmeasuredLayer } from "./layer.ts";
export type {
  FinishedImage,
  ImageSink,
  ImageWriter,
  KnownBlob,
  KnownBlobs,
  LayerOutcome,
  LayerProgress,
  OpenOptions,
  StoredLayer,
} from "./sink.ts";
export type { ImageSource, ReadOptions } from "./source.ts";
export { storeBytes, storeWriter } from "./store-writer.ts";
export { transcoded } from "./transcode.ts";
export { uncompressedLayer } from "./uncompressed.ts";
export { type ValidLayer, validateImage } from "./validate.ts";
export { verified } from "./verify.ts";
export { type WriteOptions, type WrittenImage, writeImage } from "./write-image.ts";
