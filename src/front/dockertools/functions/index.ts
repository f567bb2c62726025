export { buildImage, buildLayeredImage, type ImageArguments, streamLayeredImage } from "./build.ts";
export { exportImage, type MergeArguments, mergeImages, type PullArguments, pullImage } from "./images.ts";
export type { FunctionOptions } from "./options.ts";
export { shadowSetup } from "./shadow-setup.ts";
