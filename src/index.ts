/** varve's public API. */
export {
  type ReadConfOptions,
  readConf,
  type StreamConf,
  type StreamOptions,
  streamLayeredImage,
} from "./dockertools/index.ts";
export { type ErrorCode, VarveError } from "./errors.ts";
export type { Descriptor, Digest, Platform } from "./oci/index.ts";
export type { ByteSource } from "./util/index.ts";
