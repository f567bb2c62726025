export { BAKE_FILE, bakeJsonSchema, readBakeFile } from "./bake.ts";
export type { BakeFileOptions, FileTarget, FileTargets } from "./bake-file.ts";
export { type BaseDemand, type BasePlace, basePlace, withBasePlace } from "./base.ts";
export type { ImageSpecInput } from "./input.ts";
export { startsObject } from "./jsonc.ts";
export {
  checkSpecIn,
  DESTINATION,
  isFields,
  parseSpecJson,
  readSpec,
  readSpecJson,
  type SpecFields,
  withPaths,
} from "./read.ts";
export { SCRIPT_FIELDS } from "./scripts.ts";
export { checkSpec, type ImageSpec, specJsonSchema } from "./spec.ts";
export { splitWords } from "./words.ts";
