export { type Placement, parentsOf, projectFolder } from "./placement.ts";
export { type ImagePlan, type KnownGraph, type PlanOptions, planImage } from "./plan.ts";
export { belowRoot, layerNumbers, type RootPlace } from "./root-place.ts";
export type { ComponentSizes } from "./sizes.ts";
export type { ImageLayouts } from "./strategy.ts";
export {
  type ChosenStrategy,
  chooseStrategy,
  hasLayout,
  imageLayout,
  isLayoutFile,
  readLock,
  readPipeline,
  STRATEGIES,
} from "./strategy.ts";
