export type { ImageSpecInput } from "./input.ts";
export { SCRIPT_FIELDS } from "./scripts.ts";
export { checkSpec, checkSpecIn, type ImageSpec, readSpec, specJsonSchema } from "./spec.ts";
