export type { Layer } from "./layer.ts";
export { verified } from "./verify.ts";
