/** What is said of images, by the short names that cosign has for it. */
import { VarveError } from "#errors";
import { SIGNATURE_PREDICATE } from "./claim.ts";

const TYPES: Readonly<Record<string, string>> = {
  signature: SIGNATURE_PREDICATE,
  cyclonedx: "https://cyclonedx.org/bom",
  spdx: "https://spdx.dev/Document",
  spdxjson: "https://spdx.dev/Document",
  slsaprovenance1: "https://slsa.dev/provenance/v1",
  slsaprovenance: "https://slsa.dev/provenance/v0.2",
  slsaprovenance02: "https://slsa.dev/provenance/v0.2",
  openvex: "https://openvex.dev/ns",
  vuln: "https://cosign.sigstore.dev/attestation/vuln/v1",
};

/**
 * The predicate type that a word means: one of the short names, or a URI.
 * @throws VarveError `USAGE`
 */
export function predicateTypeOf(word: string): string {
  const known = Object.hasOwn(TYPES, word) ? TYPES[word] : undefined;
  if (known !== undefined) return known;
  if (/^[a-z][a-z0-9+.-]*:\S+$/i.test(word)) return word;
  throw new VarveError(
    "USAGE",
    `${word} is no type of attestation; name one of ${Object.keys(TYPES).join(", ")}, or a URI`,
  );
}

/** What a predicate type is called. */
export function nameOfType(predicateType: string): string {
  return Object.entries(TYPES).find(([, uri]) => uri === predicateType)?.[0] ?? predicateType;
}
