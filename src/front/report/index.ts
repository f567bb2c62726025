export { explain } from "./explanation.ts";
export { planPage } from "./page/page.ts";
export { compareWith, imageLayers } from "./plan/against.ts";
export { type PlanReport, reportPlan } from "./plan/report.ts";
export { planText } from "./plan/text.ts";
export { formatBytes, table } from "./table.ts";
