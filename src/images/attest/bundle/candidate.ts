/** What may be a signature of an image, in whichever form it was found: what verifying needs of all of them. */

import { type Claim, parseStatement } from "../claim.ts";
import { preAuthEncoding } from "../dsse.ts";
import { parseBundle } from "./bundle.ts";

/** What may be a signature, or a signed attestation. */
export interface Candidate {
  /** For sentences: `the bundle sha256:…`. */
  readonly name: string;
  /** A bundle, or one of cosign's older forms. */
  readonly form: "bundle" | "simplesigning" | "envelope";
  /** The bytes that are signed, and their signature. */
  readonly signed: { readonly data: Uint8Array; readonly signature: Uint8Array };
  /** What the key is named by; undefined where nothing is said. */
  readonly hint: string | undefined;
  /** Of whom signed, in DER; undefined where it was a key. */
  readonly certificate: Uint8Array | undefined;
  readonly logEntries: number;
  /** What is said. @throws VarveError `NOT_VERIFIED`, `INVALID_JSON` if it can't be read */
  claim(): Claim;
  /** As sigstore's library takes it: a bundle's JSON, and the bytes that it is about, unless they are in it. */
  readonly bundle: unknown;
  readonly artifact: Uint8Array | undefined;
}

/**
 * What a bundle has.
 * @throws VarveError `NOT_VERIFIED`, `INVALID_JSON`, `TOO_LARGE`
 */
export function candidateOfBundle(bytes: Uint8Array, name: string): Candidate {
  const { envelope, value, ...rest } = parseBundle(bytes, name);
  return {
    ...rest,
    name,
    form: "bundle",
    signed: { data: preAuthEncoding(envelope), signature: envelope.signatures[0]! },
    claim: () => parseStatement(envelope.payload, `the statement in ${name}`),
    bundle: value,
    artifact: undefined,
  };
}
