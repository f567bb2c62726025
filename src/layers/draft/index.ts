export { type BuildOptions, draftImage, type PlannedDraft } from "./draft.ts";
export type { Workshop } from "./scripts.ts";
