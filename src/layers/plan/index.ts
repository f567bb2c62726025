export { type Placement, parentsOf } from "./placement.ts";
export { type ImagePlan, type PlanOptions, planImage } from "./plan.ts";
export type { ComponentSizes } from "./sizes.ts";
export { imageLayout, isLayoutFile, readPipeline, STRATEGIES } from "./strategy.ts";
