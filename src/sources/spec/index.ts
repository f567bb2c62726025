export { SCRIPT_FIELDS } from "./scripts.ts";
export {
  checkSpec,
  checkSpecIn,
  type ImageSpec,
  type ImageSpecInput,
  readSpec,
  specJsonSchema,
} from "./spec.ts";
