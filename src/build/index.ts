export { type MeasureOptions, measureLayers } from "./measure.ts";
