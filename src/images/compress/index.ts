export { isChunked } from "./chunked/chunked.ts";
export {
  type Compression,
  type CompressionChoice,
  compress,
  compressionOf,
  decompress,
  formatOf,
  MOST_LEVELS,
} from "./compression.ts";
export {
  COMPRESSION_ANNOTATION,
  compressionText,
  compressorOf,
  parseCompressionText,
} from "./maker.ts";
