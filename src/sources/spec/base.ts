/** The base image of a spec, and whose signature it must have. */
import * as z from "zod";
import { strictFields } from "./strict.ts";

const Verify = strictFields({
  key: z.string().min(1).optional().describe("The public key that must have signed: a file, or env://NAME."),
  requireLog: z
    .boolean()
    .optional()
    .describe("Whether what a key has signed must be in a transparency log, too."),
  certificateIdentity: z.string().min(1).optional().describe("Whom a certificate must name, all of it."),
  certificateIdentityRegexp: z.string().min(1).optional().describe("The same as a regular expression."),
  certificateOidcIssuer: z.string().min(1).optional().describe("Who must say so, all of it."),
  certificateOidcIssuerRegexp: z.string().min(1).optional().describe("The same as a regular expression."),
  trustedRoot: z
    .string()
    .min(1)
    .optional()
    .describe(
      "Whose certificates and log entries count: a trusted_root.json; by default sigstore's public good instance's, through TUF.",
    ),
  tufUrl: z.string().min(1).optional().describe("Another TUF repository for it."),
  tufRoot: z.string().min(1).optional().describe("The file of that repository's own root."),
  type: z
    .string()
    .min(1)
    .optional()
    .describe(
      "An attestation that is demanded instead of a signature, such as slsaprovenance1, or a predicate type's URI.",
    ),
}).describe(
  "Whose signature the base must have: that of a key, or of whom a certificate names. It is then fetched by the digest that was verified.",
);

export const Base = z.union(
  [
    z.string(),
    strictFields({
      ref: z.string().min(1).describe("The base image's place."),
      verify: Verify.optional(),
    }),
  ],
  { error: "must be a place, or an object with ref, a place, and verify" },
);

/** As it is written. */
type BaseField = z.input<typeof Base>;

/** Whose signature a base must have. */
export type BaseDemand = z.output<typeof Verify>;

/** Where a base is, and what is demanded of it. */
export interface BasePlace {
  readonly place: string | undefined;
  readonly verify: BaseDemand | undefined;
}

/** What the field `fromImage` says. */
export function basePlace(field: BaseField | undefined): BasePlace {
  if (typeof field === "object") return { place: field.ref, verify: field.verify };
  return { place: field, verify: undefined };
}

/** The field `fromImage` with another place; what is demanded of a base stays. */
export function withBasePlace<Field extends BaseField>(
  field: Field | undefined,
  place: string,
): string | (Field & object) {
  return typeof field === "object" ? { ...field, ref: place } : place;
}
