/** What a spec says of `varve check`. */
import * as z from "zod";
import { strictFields } from "./strict.ts";

const Ignored = strictFields({
  code: z.string().min(1).describe("The finding's code, such as dangling-link."),
  path: z.string().min(1).optional().describe("Which paths in the image, as a glob; all unless given."),
  reason: z.string().min(1).describe("Why it is meant to be so."),
});

export const Check = strictFields({
  ignore: z
    .array(Ignored)
    .default([])
    .describe("Findings that are neither told nor fail a build, each with its reason."),
});
