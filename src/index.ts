/** What a user asks for, one function each. The types of what they take and return are in `varve/types`. */
export {
  type BuildOptions,
  bake,
  build,
  buildIndex,
  check,
  compare,
  compareRoots,
  copy,
  createIndex,
  inspect,
  type Machine,
  plan,
  relayer,
  thisMachine,
  validate,
  workspaceTargets,
} from "#app";
export { openDigestCache } from "#cache";
export {
  buildImage,
  buildLayeredImage,
  exportImage,
  type ImageArguments,
  mergeImages,
  pullImage,
  shadowSetup,
  streamLayeredImage,
} from "#dockertools";
export { type ErrorCode, VarveError } from "#errors";
export { exportRoot, merge } from "#library";
export type { ImageSpecInput } from "#spec";
