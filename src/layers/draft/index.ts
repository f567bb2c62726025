export { type BasePlatform, basePlatform, type Libc } from "./base-platform.ts";
export { draftImage, type PlannedDraft } from "./draft.ts";
export type { DraftOptions } from "./options.ts";
export { finishParts, type ImageParts } from "./parts.ts";
export type { ScriptedPlan } from "./scripts.ts";
