/** Verifies one signature or attestation of an image. */
import { createPublicKey, X509Certificate } from "node:crypto";
import type { Digest } from "#oci";
import type { Candidate } from "../bundle/candidate.ts";
import type { Claim } from "../claim.ts";
import { type PublicKey, publicKeyOf } from "../keys/public-key.ts";
import { fault } from "./fault.ts";
import type { CertificatePolicy, KeyPolicy, SignedBy, VerificationPolicy } from "./policy.ts";
import { type Identity, verifyCertificate, verifyLogEntry } from "./sigstore.ts";

/** A signature or attestation that holds. */
export interface VerifiedStatement {
  /** Such as `the bundle sha256:…`. */
  readonly name: string;
  /** A bundle of sigstore's, or what cosign made before: a payload of simple signing, or an envelope. */
  readonly form: "bundle" | "simplesigning" | "envelope";
  readonly predicateType: string;
  readonly predicate: unknown;
  /** What the signer has said of the image in addition. */
  readonly annotations: Readonly<Record<string, unknown>>;
  readonly by: SignedBy;
  /** Whether it is in a log that is trusted. */
  readonly logged: boolean;
}

/** What is demanded of a candidate. */
export interface Demand {
  /** The image's digest. */
  readonly digest: Digest;
  readonly policy: VerificationPolicy;
  /** What it must say of the image, of the types that are wanted; anything unless given. */
  readonly predicateTypes?: readonly string[] | undefined;
}

/**
 * Verifies a signature or attestation: its signature, that it is about this image, and whose it is.
 * @throws VarveError `NOT_VERIFIED` with a sentence of its own for each fault; `INVALID_JSON`, `UNSUPPORTED_NODE`
 */
export async function verifyCandidate(candidate: Candidate, demand: Demand): Promise<VerifiedStatement> {
  const { policy } = demand;
  if ("key" in policy) checkKey(candidate, policy.key);
  else checkByCertificate(candidate);
  // What is signed is looked at only now.
  const claim = candidate.claim();
  const annotations = checkClaim(candidate, claim, demand);
  const isLogged = "key" in policy ? await checkLog(candidate, policy) : true;
  const by = "key" in policy ? signedWith(policy.key) : await checkIdentity(candidate, policy);
  const { name, form } = candidate;
  const { predicateType, predicate } = claim;
  return { name, form, predicateType, predicate, annotations, by, logged: isLogged };
}

function signedWith({ hint, kind }: PublicKey): SignedBy {
  return { key: hint, kind };
}

function checkKey(candidate: Candidate, key: PublicKey): void {
  if (key.verifies(candidate.signed)) return;
  if (candidate.certificate !== undefined)
    throw fault(candidate, `is signed with a certificate, and not with ${key.name}`);
  if (candidate.hint === key.hint) throw fault(candidate, CHANGED);
  if (candidate.hint === undefined || candidate.hint === "")
    throw fault(candidate, `isn't signed with ${key.name} (${key.kind}), or was changed since`);
  throw fault(candidate, `is signed with another key than ${key.name} (${key.kind})`);
}

const CHANGED = "has a signature that doesn't fit what is signed: one of them was changed";

function checkByCertificate(candidate: Candidate): void {
  const { certificate } = candidate;
  if (certificate === undefined) throw fault(candidate, "is signed with a key, and not with a certificate");
  let key: PublicKey;
  try {
    const { publicKey } = new X509Certificate(Buffer.from(certificate));
    key = publicKeyOf(
      createPublicKey(publicKey.export({ format: "pem", type: "spki" })),
      "the certificate's key",
    );
  } catch {
    throw fault(candidate, "has a certificate that can't be read");
  }
  if (!key.verifies(candidate.signed)) throw fault(candidate, CHANGED);
  if (candidate.logEntries === 0) throw fault(candidate, NOT_LOGGED);
}

const NOT_LOGGED = "has no log entry, which is demanded";

function checkClaim(
  candidate: Candidate,
  { predicateType, subjects }: Claim,
  { digest, predicateTypes }: Demand,
): Readonly<Record<string, unknown>> {
  const own = subjects.find((subject) => subject.digest === digest);
  if (own === undefined) {
    const [first] = subjects;
    throw fault(
      candidate,
      first === undefined ? "is about nothing" : `is about another image, ${first.digest}`,
    );
  }
  if (predicateTypes !== undefined && !predicateTypes.includes(predicateType)) {
    throw fault(candidate, `says ${predicateType} of the image, and not ${predicateTypes[0]}`);
  }
  return own.annotations;
}

async function checkLog(candidate: Candidate, { key, log }: KeyPolicy): Promise<boolean> {
  if (log === undefined) return false;
  if (candidate.logEntries === 0) throw fault(candidate, NOT_LOGGED);
  await verifyLogEntry(candidate, { trusted: log, key });
  return true;
}

/** The longest identity that a regular expression is tried on. */
const MAX_IDENTITY = 2000;

async function checkIdentity(candidate: Candidate, policy: CertificatePolicy): Promise<Identity> {
  const found = await verifyCertificate(candidate, policy.trustedRoot);
  for (const which of ["identity", "issuer"] as const) {
    const [wanted, is] = [policy[which], found[which]];
    const fits = typeof wanted === "string" ? wanted === is : is.length <= MAX_IDENTITY && wanted.test(is);
    if (fits) continue;
    const words = which === "identity" ? "is signed by" : "is vouched for by";
    throw fault(
      candidate,
      `${words} ${is}, and not by ${typeof wanted === "string" ? wanted : `what fits ${wanted.source}`}`,
    );
  }
  return found;
}
