export { parseConf, type ReadConfOptions, readConf, type StreamConf } from "./conf.ts";
export { type StreamOptions, streamLayeredImage } from "./stream.ts";
