export { compareImages } from "./compare.ts";
export { compareConfigs } from "./config.ts";
export { type Pulls, pullsOf } from "./pulls.ts";
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
