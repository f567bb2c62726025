export {
  type Compression,
  type CompressionChoice,
  compress,
  compressionOf,
  decompress,
} from "./compression.ts";
export { mergeEnv, type NewConfig, newConfig } from "./config.ts";
export { componentsComment, componentsOf } from "./history.ts";
export { draftOf, type Image, type ImageDraft, imageOf } from "./image.ts";
export type { Layer } from "./layer.ts";
export { uncompressedLayer } from "./uncompressed.ts";
export { verified } from "./verify.ts";
