/** Certificates and log entries, as sigstore's own library judges them. */
import type { Candidate } from "../bundle/candidate.ts";
import { loadVerifier } from "../keyless/load.ts";
import type { TrustedMaterial } from "../keyless/trusted-root.ts";
import type { PublicKey } from "../keys/public-key.ts";
import { fault } from "./fault.ts";

/** Whom a certificate names, and who says so. */
export interface Identity {
  readonly identity: string;
  readonly issuer: string;
}

/**
 * Judges a certificate and its log entry: the certificate is of a trusted authority, was valid when the log says that it was used, is in
 * a trusted log of certificates, and what was signed is in a trusted log.
 * @returns whom it names
 * @throws VarveError `NOT_VERIFIED`, `UNSUPPORTED_NODE`
 */
export async function verifyCertificate(candidate: Candidate, trusted: TrustedMaterial): Promise<Identity> {
  const { signer } = await judge(candidate, { trusted, timestamps: 1 });
  const { subjectAlternativeName: identity, extensions } = signer.identity ?? {};
  if (identity === undefined || extensions?.issuer === undefined) {
    throw fault(candidate, "has a certificate that names nobody");
  }
  return { identity, issuer: extensions.issuer };
}

/**
 * Judges the log entry of what a key has signed.
 * @throws VarveError `NOT_VERIFIED`, `UNSUPPORTED_NODE`
 */
export async function verifyLogEntry(
  candidate: Candidate,
  { trusted, key }: { trusted: TrustedMaterial; key: PublicKey },
): Promise<void> {
  await judge(candidate, { trusted, key, timestamps: 0 });
}

interface Judging {
  readonly trusted: TrustedMaterial;
  readonly key?: PublicKey;
  readonly timestamps: number;
}

async function judge(candidate: Candidate, { trusted, key, timestamps }: Judging) {
  const sigstore = await loadVerifier();
  const { bundleFromJSON, createPublicKey } = {
    ...sigstore,
    createPublicKey: (await import("node:crypto")).createPublicKey,
  };
  try {
    const material = sigstore.toTrustMaterial(trusted.root, () => ({
      publicKey: createPublicKey(key!.pem),
      validFor: () => true,
    }));
    const verifier = new sigstore.Verifier(material, {
      tlogThreshold: 1,
      ctlogThreshold: 1,
      timestampThreshold: timestamps,
    });
    const artifact = candidate.artifact && Buffer.from(candidate.artifact);
    const signer = verifier.verify(sigstore.toSignedEntity(bundleFromJSON(candidate.bundle), artifact));
    return { signer };
  } catch (error) {
    throw fault(candidate, sentenceOf(error, trusted.name));
  }
}

/** What the library found, in the words of this house; what it says itself may quote the document. */
function sentenceOf(error: unknown, root: string): string {
  const { code = "", message = "", cause } = error as { code?: unknown; message?: unknown; cause?: unknown };
  const words = `${String(message)} ${cause instanceof Error ? cause.message : ""}`;
  switch (code) {
    case "CERTIFICATE_ERROR":
      if (words.includes("expired"))
        return "has a certificate that had expired, or wasn't valid yet, when it was used, as its log entry says";
      if (words.includes("SCT")) return `has a certificate that is in no log of certificates in ${root}`;
      return `has a certificate of an authority that isn't in ${root}, or wasn't trusted at that time`;
    case "TIMESTAMP_ERROR":
      return `has no time that ${root} vouches for`;
    case "TLOG_BODY_ERROR":
      return "has the log entry of another signature";
    case "TLOG_ERROR":
    case "TLOG_INCLUSION_PROOF_ERROR":
    case "TLOG_INCLUSION_PROMISE_ERROR":
    case "TLOG_MISSING_INCLUSION_ERROR":
      return `has a log entry that is in no log of ${root}`;
    case "SIGNATURE_ERROR":
      return "has a signature that doesn't fit what is signed: one of them was changed";
    default:
      return "has a certificate or a log entry that can't be read";
  }
}
