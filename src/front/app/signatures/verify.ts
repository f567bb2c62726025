/** Verifies that images are signed, and by whom. */
import {
  nameOfType,
  predicateTypeOf,
  SIGNATURE_PREDICATE,
  type VerificationPolicy,
  type VerifiedStatement,
  verifyCandidate,
} from "#attest";
import { VarveError } from "#errors";
import type { Descriptor, Digest } from "#oci";
import type { ReferrerSource } from "#referrers";
import { type Operation, type OperationOptions, operate } from "../machine.ts";
import { policyOf, type SignatureDemand } from "./demand.ts";
import { findCandidates, isOfCandidate } from "./find.ts";

/** What is demanded of an image, and how it is read. */
export interface VerifyOptions extends OperationOptions, SignatureDemand {
  /** What must be said of the image: `signature`, an attestation by a short name such as `cyclonedx`, or a predicate type; a signature unless given. */
  readonly type?: string | undefined;
  /** What the signer must have said in addition, of which each must fit. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An image that is as it was demanded. */
export interface VerifiedImage {
  /** The place, as people call it. */
  readonly name: string;
  /** What was verified, of an index or a manifest: what its name meant. */
  readonly digest: Digest;
  /** Each signature or attestation of the demanded type that holds; at least one. */
  readonly verified: readonly VerifiedStatement[];
  /** Why others don't. */
  readonly others: readonly string[];
}

/** Verifies an image; see the door. */
export async function verifyImage(ref: string, options: VerifyOptions): Promise<VerifiedImage> {
  return await operate(options, async (operation) => {
    const policy = await policyOf(options, operation);
    await using source = await operation.machine.transports.referrerSource(ref, operation.signal);
    const { read, signal } = operation;
    const subject = await source.subject(read.strict === true ? read.platform : undefined, signal);
    return await verifySubject(subject, { ...options, source, policy, operation });
  });
}

/** What verifying one manifest or index takes. */
export interface SubjectDemand extends Pick<VerifyOptions, "type" | "annotations"> {
  readonly source: ReferrerSource;
  readonly policy: VerificationPolicy;
  readonly operation: Operation;
}

/** As {@link verifyImage}, of what a name meant. */
export async function verifySubject(
  subject: Descriptor,
  { source, policy, operation, type = "signature", annotations }: SubjectDemand,
): Promise<VerifiedImage> {
  const { digest } = subject;
  const predicateType = predicateTypeOf(type);
  const verified: VerifiedStatement[] = [];
  const others: string[] = [];
  for await (const found of findCandidates({ source, subject, predicateType, signal: operation.signal })) {
    if ("fault" in found) {
      others.push(found.fault.message);
      continue;
    }
    try {
      const held = await verifyCandidate(found.candidate, {
        digest,
        policy,
        predicateTypes: [predicateType],
      });
      checkAnnotations(held, annotations);
      verified.push(held);
    } catch (error) {
      if (!isOfCandidate(error)) throw error;
      others.push(error.message);
    }
  }
  if (verified.length > 0) return { name: source.name, digest, verified, others };
  throw notVerified({ name: source.name, digest, predicateType, others });
}

function checkAnnotations(
  { name, annotations }: VerifiedStatement,
  wanted: Readonly<Record<string, string>> | undefined = {},
): void {
  for (const [key, value] of Object.entries(wanted)) {
    if (annotations[key] === value) continue;
    throw new VarveError("NOT_VERIFIED", `${name} doesn't say ${key}=${value}`);
  }
}

/** The most reasons that are told in one sentence. */
const MOST_REASONS = 4;

function notVerified({
  name,
  digest,
  predicateType,
  others,
}: Pick<VerifiedImage, "name" | "digest" | "others"> & { predicateType: string }): VarveError {
  const what =
    predicateType === SIGNATURE_PREDICATE ? "signature" : `attestation of type ${nameOfType(predicateType)}`;
  const image = `${name} (${digest})`;
  if (others.length === 0) return new VarveError("NOT_VERIFIED", `${image} has no ${what}`);
  const left = others.length - MOST_REASONS;
  const more = left > 0 ? `; and ${left} more` : "";
  return new VarveError(
    "NOT_VERIFIED",
    `${image} has no ${what} that holds: ${others.slice(0, MOST_REASONS).join("; ")}${more}`,
  );
}
