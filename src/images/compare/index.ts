export { compareImages } from "./compare.ts";
export { compareConfigs } from "./config.ts";
export { type Pulls, pullsOf } from "./pulls.ts";
export { compareRoots, type RootAspect, type RootComparison, type RootDifference } from "./roots.ts";
export type {
  ChangeReason,
  ComponentChange,
  ConfigChange,
  FileAspect,
  FileChange,
  FileChanges,
  GoneLayer,
  ImageComparison,
  LayerComparison,
  LayerCost,
} from "./types.ts";
