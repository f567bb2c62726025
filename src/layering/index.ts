export { DEFAULT_MAX_LAYERS, type LayerBudget, layerBudget } from "./budget.ts";
export { keysOf } from "./key.ts";
export { largest } from "./largest.ts";
export { leader } from "./leader.ts";
export { pipelineStrategy } from "./pipeline/index.ts";
export { type Knowledge, type LayerPlan, type PlanInput, planLayers, type Strategy } from "./plan.ts";
export { type Contestant, compareByName, popularity, popularityContest } from "./popularity.ts";
