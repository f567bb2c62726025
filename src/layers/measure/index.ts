export type { RingMemory } from "./chunk-ring.ts";
export { type MeasureOptions, measureLayers, unmeasuredLayers } from "./measure.ts";
export type { MeasureThreadData } from "./measurer.ts";
export type { ToldLayer } from "./recipe-record.ts";
export { LayerTable, type Seat, type SharedLayers } from "./shared-layers.ts";
