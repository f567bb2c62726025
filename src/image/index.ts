export { mergeEnv, type NewConfig, newConfig } from "./config.ts";
export { componentsComment, componentsOf } from "./history.ts";
export { draftOf, type Image, type ImageDraft } from "./image.ts";
export type { Layer } from "./layer.ts";
export { verified } from "./verify.ts";
