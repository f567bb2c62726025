export { assembleImage, checkPlatform, type ImageParts, layerComments } from "./assemble.ts";
export type { Blob, BlobStore, StoredBlob } from "./blob-store.ts";
export { type SharedReading, shareReading } from "./broadcast.ts";
export { DEFAULT_COMPRESSION, encodeLayer, encodeUnmeasured } from "./encode.ts";
export type {
  ClaimedBlob,
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
} from "./sink.ts";
export { storeBytes, storeWriter } from "./store-writer.ts";
export { transcoded } from "./transcode.ts";
export { uncompressedLayer } from "./uncompressed.ts";
export { type ValidLayer, validateImage } from "./validate.ts";
export { verified } from "./verify.ts";
export { type WriteOptions, type WrittenImage, writeImage } from "./write-image.ts";
