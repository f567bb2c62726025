export {
  BAKE_FILE,
  type BakeFileOptions,
  bakeJsonSchema,
  type FileTarget,
  type FileTargets,
  readBakeFile,
} from "./bake-file.ts";
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
export { nearest } from "./strict.ts";
export { splitWords } from "./words.ts";
