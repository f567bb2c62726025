/** Statements about images: in-toto attestation framework, "Statement layer specification" v1. */
import type { Digest } from "#oci";
import { canonicalJson } from "./canonical.ts";

/** The media type of a statement that nobody signed. */
export const STATEMENT_TYPE = "application/vnd.in-toto+json";

/** What a statement says something of. */
export interface StatementSubject {
  readonly name: string;
  readonly digest: Digest;
}

/** What kinds of documents are called in statements. */
export const PredicateType = {
  cyclonedx: "https://cyclonedx.org/bom",
  spdx: "https://spdx.dev/Document",
  provenance: "https://slsa.dev/provenance/v1",
} as const;

export interface NewStatement {
  readonly subject: readonly StatementSubject[];
  /** An URI: one of {@link PredicateType}, or any other. */
  readonly predicateType: string;
  /** A JSON object. */
  readonly predicate: unknown;
}

/** A statement's bytes: the same for the same content, since they are what is signed. */
export function statement({ subject, predicateType, predicate }: NewStatement): Buffer {
  return canonicalJson({
    _type: "https://in-toto.io/Statement/v1",
    subject: subject.map(({ name, digest }) => ({ name, digest: digestSet(digest) })),
    predicateType,
    predicate,
  });
}

/** A digest as in-toto writes it: DigestSet v1. */
export function digestSet(digest: Digest): Record<string, string> {
  const colon = digest.indexOf(":");
  return { [digest.slice(0, colon)]: digest.slice(colon + 1) };
}
