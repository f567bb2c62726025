export { auto } from "./auto/auto.ts";
export { DEFAULT_MAX_LAYERS, DEFAULT_PROJECT_LAYERS, type LayerBudget, layerBudget } from "./budget.ts";
export { keepLayout } from "./keep/keep-layout.ts";
export { isLayerOf, shareLayers } from "./keep/share-layers.ts";
export { keysOf, versionOf } from "./key.ts";
export { largest } from "./largest.ts";
export {
  annotationOf,
  formatLayout,
  LAYOUT_ANNOTATION,
  type Layout,
  layoutOf,
  parseLayout,
  parseWeights,
} from "./layout.ts";
export { leader } from "./leader.ts";
export { formatLock, Lock, parseLock } from "./lock.ts";
export { pipelineStrategy } from "./pipeline/pipeline.ts";
export { type ComponentMetadata, type LayerPlan, type PlanInput, planLayers, type Strategy } from "./plan.ts";
export { type Contestant, compareByName, popularity, popularityContest } from "./popularity.ts";
export { keyHash, layerHash, stateHash } from "./short-layout.ts";
export { expectedUpdates } from "./steady/expected-updates.ts";
export { steady, steadyForSeries } from "./steady/steady.ts";
export type { UnitSet } from "./unit-sets.ts";
export {
  layerOf,
  layersOfGroups,
  type ModelLayer,
  type ModelNode,
  type UpdateModel,
  updateCost,
  updateModel,
} from "./update-model.ts";
