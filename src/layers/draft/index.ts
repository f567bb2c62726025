export { draftImage, type PlannedDraft } from "./draft.ts";
export type { DraftOptions } from "./options.ts";
