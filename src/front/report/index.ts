export { explain } from "./explanation.ts";
export { planPage } from "./page/page.ts";
export {
  compareWith,
  imageLayers,
  type PlanComparison,
  type PlanLayerComparison,
} from "./plan/against.ts";
export type { ChangeCost, ProjectChanges, PullCost } from "./plan/changes.ts";
export { type FleetImage, type FleetReport, fleetText, reportFleet } from "./plan/fleet.ts";
export { counted, nameOf } from "./plan/names.ts";
export {
  type Grouping,
  type PlanReport,
  type ReportedComponent,
  type ReportedLayer,
  reportPlan,
  type Touched,
} from "./plan/report.ts";
export { planText } from "./plan/text.ts";
export { formatBytes, table } from "./table.ts";
