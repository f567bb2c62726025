export { type PlatformGraph, type ReadForOptions, readForPlatform } from "./read.ts";
export type { Programs } from "./run.ts";
export type { TargetPlatform } from "./target.ts";
