export { pipelineStrategy } from "./pipeline.ts";
