export { type MeasureOptions, measureLayers, unmeasuredLayers } from "./measure.ts";
