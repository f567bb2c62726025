export { type DraftOptions, draftImage, type PlannedDraft } from "./draft.ts";
