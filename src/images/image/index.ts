export { type NewConfig, newConfig } from "./config.ts";
export {
  type ComponentSummary,
  componentSummaries,
  componentsComment,
  componentsOf,
  layersBelowComponents,
  listedComponents,
} from "./history.ts";
export {
  draftOf,
  type FinishedDraft,
  type Image,
  type ImageDraft,
  type NewManifest,
  newManifest,
} from "./image.ts";
export { type Inherit, inheritConfig, mergeEnv } from "./inherit.ts";
export { isUnmeasured, type Layer, type UnmeasuredLayer } from "./layer.ts";
export type { ImageSource, KeptDocuments, ReadOptions } from "./source.ts";
