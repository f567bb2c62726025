export type { Descriptor, Platform } from "./descriptor.ts";
export { type Digest, Digester, digestOf, hexOf, parseDigest } from "./digest.ts";
export { MediaType } from "./media-types.ts";
