export { type ReadConfOptions, readConf, type StreamConf } from "./conf.ts";
export { type StreamImageOptions, streamImage, writeConfImage } from "./conf-image.ts";
export { type ConfDraftOptions, confDraft } from "./draft.ts";
export {
  buildImage,
  buildLayeredImage,
  exportImage,
  type ImageArguments,
  mergeImages,
  type PullArguments,
  pullImage,
  shadowSetup,
  streamLayeredImage,
} from "./functions/index.ts";
export { NIX_STEPS, type NixStep, type NixStepContext } from "./nix-steps.ts";
export { checkIsWhole } from "./snapshotter.ts";
export { type StreamOptions, streamConf } from "./stream.ts";
