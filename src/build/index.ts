export { type BuildOptions, draftImage, type PlannedDraft } from "./build.ts";
export { type MeasureOptions, measureLayers, unmeasuredLayers } from "./measure.ts";
export { type ImagePlan, type PlanOptions, planImage } from "./plan.ts";
export type { ComponentSizes } from "./plan-sizes.ts";
export { imageLayout, isLayoutFile, readPipeline, STRATEGIES } from "./plan-strategy.ts";
export type { Workshop } from "./scripts.ts";
export { checkSpec, type ImageSpec, type ImageSpecInput, readSpec, specJsonSchema } from "./spec.ts";
