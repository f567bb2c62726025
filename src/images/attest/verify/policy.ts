/** Whose signatures are demanded. */

import type { TrustedMaterial } from "../keyless/trusted-root.ts";
import type { PublicKey } from "../keys/public-key.ts";

/** Signatures by a key. */
export interface KeyPolicy {
  readonly key: PublicKey;
  /** Demands an entry in a log of this root as well. */
  readonly log?: TrustedMaterial | undefined;
}

/** Signatures by whom a certificate names. */
export interface CertificatePolicy {
  /** Whom: the whole of it, or what a regular expression finds anywhere in it. */
  readonly identity: string | RegExp;
  /** Who says so. */
  readonly issuer: string | RegExp;
  readonly trustedRoot: TrustedMaterial;
}

/** Whose signatures count. */
export type VerificationPolicy = KeyPolicy | CertificatePolicy;

/** Who has signed. */
export type SignedBy =
  | { readonly key: string; readonly kind: string }
  | { readonly identity: string; readonly issuer: string };
