export { buildImage, buildLayeredImage, type ImageArguments, streamLayeredImage } from "./build.ts";
export { exportImage, mergeImages, type PullArguments, pullImage } from "./images.ts";
export { shadowSetup } from "./shadow-setup.ts";
