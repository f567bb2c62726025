/** in-toto statements: what is said of which image. */
import * as z from "zod";
import { algorithmOf, type Digest, hexOf } from "#oci";
import { checkSchema, parseJson } from "#util";

/** What a signature of an image says: nothing but that it is signed. */
export const SIGNATURE_PREDICATE = "https://sigstore.dev/cosign/sign/v1";

/** A statement, version 1. */
export interface Statement {
  readonly _type: "https://in-toto.io/Statement/v1";
  readonly subject: readonly StatementSubject[];
  readonly predicateType: string;
  readonly predicate: unknown;
}

/** What a statement is about. */
export interface StatementSubject {
  readonly name?: string;
  /** Hexadecimal digits by algorithm. */
  readonly digest: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, unknown>>;
}

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

/** The statement about an image. */
export function statementAbout(
  digest: Digest,
  {
    predicateType,
    predicate,
    annotations,
  }: {
    predicateType: string;
    predicate: unknown;
    annotations?: Readonly<Record<string, string>> | undefined;
  },
): Statement {
  const isAnnotated = annotations !== undefined && Object.keys(annotations).length > 0;
  return {
    _type: "https://in-toto.io/Statement/v1",
    subject: [{ digest: { [algorithmOf(digest)]: hexOf(digest) }, ...(isAnnotated && { annotations }) }],
    predicateType,
    predicate,
  };
}

/** The statement that an image is signed, as cosign has it. */
export function signatureStatement(
  digest: Digest,
  annotations?: Readonly<Record<string, string>>,
): Statement {
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
