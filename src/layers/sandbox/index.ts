export { findProgram } from "./programs.ts";
export { runScripts } from "./run.ts";
export type {
  SandboxKind,
  ScriptedLayer,
  ScriptName,
  ScriptOptions,
  ScriptSteps,
  UnionKind,
} from "./types.ts";
