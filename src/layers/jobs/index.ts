export { type TreeContents, treeContents } from "./contents.ts";
export { jobKey } from "./key.ts";
export { jobText, parseLayerResult, readImageJob, readLayerJob, readLayerResult } from "./read.ts";
export { fromRoot, recipeFromJson, recipeToJson } from "./recipe-json.ts";
export {
  type ImageJob,
  JOB_VERSION,
  type JobSpec,
  type LayerJob,
  type LayerResult,
  type Outcome,
  type RecipeJson,
} from "./schema.ts";
