/** What is said of which image: statements that are signed, as they are made and read. */
import * as z from "zod";
import type { Digest } from "#oci";
import { checkSchema, parseJson } from "#util";
import { canonicalJson } from "./canonical.ts";
import { digestSet } from "./statement.ts";

/** What a signature of an image says: nothing but that it is signed. */
export const SIGNATURE_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** What a document says, and of what. */
export interface Claim {
  readonly predicateType: string;
  /** The digests that it is about. */
  readonly subjects: readonly {
    readonly digest: string;
    readonly annotations: Readonly<Record<string, unknown>>;
  }[];
  readonly predicate: unknown;
}

/** The statement about an image, whatever that is called. */
export function statementAbout(
  digest: Digest,
  {
    predicateType,
    predicate,
    annotations = {},
  }: {
    predicateType: string;
    predicate: unknown;
    annotations?: Readonly<Record<string, string>> | undefined;
  },
): Buffer {
  const isAnnotated = Object.keys(annotations).length > 0;
  return canonicalJson({
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: digestSet(digest), ...(isAnnotated && { annotations }) }],
    predicateType,
    predicate,
  });
}

/** The statement that an image is signed, as cosign has it. */
export function signatureStatement(digest: Digest, annotations?: Readonly<Record<string, string>>): Buffer {
  return statementAbout(digest, { predicateType: SIGNATURE_PREDICATE, predicate: {}, annotations });
}

/** As many as sigstore's own verifiers take. */
const MOST_SUBJECTS = 1024;

const statementShape = z.looseObject({
  _type: z.enum(["https://in-toto.io/Statement/v1", "https://in-toto.io/Statement/v0.1"]),
  subject: z
    .array(
      z.looseObject({
        digest: z.record(z.string(), z.string()),
        annotations: z.record(z.string(), z.unknown()).optional(),
      }),
    )
    .max(MOST_SUBJECTS),
  predicateType: z.string().min(1).max(1000),
  predicate: z.unknown(),
});

/**
 * Reads a statement, of either version that is in use.
 * @throws VarveError `NOT_VERIFIED`, `INVALID_JSON`
 */
export function parseStatement(bytes: Uint8Array, what: string): Claim {
  const value = parseJson(bytes, { what, maxBytes: bytes.length });
  const { subject, predicateType, predicate } = checkSchema(statementShape, value, {
    code: "NOT_VERIFIED",
    what,
  });
  const subjects = subject.flatMap(({ digest, annotations = {} }) =>
    Object.entries(digest).map(([algorithm, hex]) => ({ digest: `${algorithm}:${hex}`, annotations })),
  );
  return { predicateType, subjects, predicate };
}
