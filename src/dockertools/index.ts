export { parseConf, parseConfText, type ReadConfOptions, readConf, type StreamConf } from "./conf.ts";
export { type ConfDraftOptions, confDraft } from "./draft.ts";
export { withStorePaths, writeLayerFolder } from "./layer-folder.ts";
export { type ConfFields, confText, imageTag, planStoreLayers } from "./make-conf.ts";
export { type NixAttributes, readNixAttributes } from "./nix-attributes.ts";
export { type StreamOptions, streamLayeredImage } from "./stream.ts";
