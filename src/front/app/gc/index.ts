export { collectGarbage, type Garbage, type GcOptions, type GcReport } from "./gc.ts";
