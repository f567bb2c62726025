export { parseConf, parseConfText, type ReadConfOptions, readConf, type StreamConf } from "./conf.ts";
export { type ConfDraftOptions, confDraft } from "./draft.ts";
export {
  buildImage,
  buildLayeredImage,
  exportImage,
  type FunctionOptions,
  type ImageArguments,
  type MergeArguments,
  mergeImages,
  type PullArguments,
  pullImage,
  shadowSetup,
  streamLayeredImage,
} from "./functions/index.ts";
export { withStorePaths, writeLayerFolder } from "./layer-folder.ts";
export { type ConfFields, confText, imageTag, planStoreLayers } from "./make-conf.ts";
export { type NixAttributes, readNixAttributes } from "./nix-attributes.ts";
export { type StreamOptions, streamConf } from "./stream.ts";
