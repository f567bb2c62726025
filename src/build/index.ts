export { type BuildOptions, buildImage } from "./build.ts";
export { type MeasureOptions, measureLayers } from "./measure.ts";
export { checkSpec, type ImageSpec, type ImageSpecInput, readSpec, specJsonSchema } from "./spec.ts";
