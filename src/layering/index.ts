export { DEFAULT_MAX_LAYERS, type LayerBudget, layerBudget } from "./budget.ts";
export { type LayerPlan, planLayers, type Strategy } from "./plan.ts";
export { type Contestant, compareByName, popularity, popularityContest } from "./popularity.ts";
