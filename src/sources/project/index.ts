export type { BaseConfig } from "./base.ts";
export { type GitState, gitState } from "./git.ts";
export type { LeftOutReason } from "./ignore/always.ts";
export type { LeftOut } from "./ignore/own-files.ts";
export { type StaysOut, summary } from "./ignore/stays-out.ts";
export { webAddress } from "./labels.ts";
export {
  hasSpec,
  isProject,
  openProject,
  type Project,
  type ProjectOptions,
  type ProjectSpec,
  SPEC_FILE,
  specStaysOut,
} from "./project.ts";
export { type StartablePackage, startable, type Workspaces } from "./workspaces.ts";
