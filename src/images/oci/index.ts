export { type ContainerConfig, type HistoryEntry, type ImageConfig, parseImageConfig } from "./config.ts";
export type { Descriptor, Platform } from "./descriptor.ts";
export {
  algorithmOf,
  type Digest,
  type DigestAlgorithm,
  Digester,
  digestOf,
  hexOf,
  isDigest,
  parseDigest,
} from "./digest.ts";
export {
  type DocumentOrigin,
  encodeDocument,
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  type RawDocument,
} from "./document.ts";
export { hashed, identify } from "./hashed.ts";
export { type ImageIndex, type ManifestOrIndex, parseIndex, parseManifestOrIndex } from "./image-index.ts";
export { checkIsImage, isImageManifest, type Manifest, notAnImage, parseManifest } from "./manifest.ts";
export {
  isConfigType,
  isForeignLayer,
  isIndexType,
  isManifestType,
  type LayerCompression,
  layerCompression,
  layerMediaType,
  MediaType,
  type MediaTypeFamily,
  mediaTypeFamily,
  toDockerMediaType,
  toOciMediaType,
} from "./media-types.ts";
export {
  choosePlatform,
  formatPlatform,
  isAttestation,
  matchPlatform,
  normalisePlatform,
  type PlatformChoice,
  parsePlatform,
} from "./platform.ts";
export {
  DEFAULT_REGISTRY,
  formatReference,
  isRegistryHost,
  isRepository,
  isTag,
  parseReference,
  type Reference,
} from "./reference.ts";
export { annotationsShape } from "./shapes.ts";
