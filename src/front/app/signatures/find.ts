/** Finds what may be signatures and attestations of an image: bundles that hang on it, and what older cosign put under tags. */
import {
  type Candidate,
  candidateOfBundle,
  candidateOfLayer,
  ENVELOPE_TYPE,
  isBundleType,
  MAX_BUNDLE_BYTES,
  SIGNATURE_PREDICATE,
  SIMPLE_SIGNING_TYPE,
} from "#attest";
import { VarveError } from "#errors";
import type { Descriptor } from "#oci";
import { type ReferrerSource, readArtifact, referrersTag } from "#referrers";
import { collect } from "#util";

/** More than anybody signs an image; who wants to be found among more has been hidden on purpose. */
const MOST = 256;

/** The annotation that says what a bundle is about, by which those of other types needn't be read. */
export const PREDICATE_TYPE = "dev.sigstore.bundle.predicateType";

/** What is looked for, and where. */
export interface Search {
  readonly source: ReferrerSource;
  readonly subject: Descriptor;
  readonly predicateType: string;
  readonly signal: AbortSignal | undefined;
}

/** A candidate, or why what was found is none. */
export type Found = { readonly candidate: Candidate } | { readonly fault: VarveError };

/**
 * Yields bundles first; what is only said of a bundle, and not signed, serves to read fewer.
 * @throws VarveError what reading the place throws
 */
export async function* findCandidates(search: Search): AsyncGenerator<Found, void, void> {
  yield* bundles(search);
  yield* older(search);
}

async function* bundles({
  source,
  subject,
  predicateType,
  signal,
}: Search): AsyncGenerator<Found, void, void> {
  const listed = await source.referrers(subject.digest, { signal });
  const mayBe = listed.filter(({ artifactType = "", annotations = {} }) => {
    const said = annotations[PREDICATE_TYPE];
    return isBundleType(artifactType) && (said === undefined || said === predicateType);
  });
  // Among bundles whose entries say what they are, nobody can hide one that says so.
  const first = mayBe.filter(({ annotations = {} }) => annotations[PREDICATE_TYPE] !== undefined);
  const others = mayBe.filter(({ annotations = {} }) => annotations[PREDICATE_TYPE] === undefined);
  for (const descriptor of [...first, ...others].slice(0, MOST)) {
    const name = `the bundle ${descriptor.digest}`;
    yield await found(async () => {
      const { blobs } = await readArtifact(source, descriptor, {
        subject,
        maxBytes: MAX_BUNDLE_BYTES,
        signal,
      });
      const blob = blobs.find(({ mediaType }) => isBundleType(mediaType));
      if (blob === undefined) throw new VarveError("NOT_VERIFIED", `${name} has no bundle in it`);
      return candidateOfBundle(blob.bytes, name);
    });
  }
}

async function* older({ source, subject, predicateType, signal }: Search): AsyncGenerator<Found, void, void> {
  const isSignature = predicateType === SIGNATURE_PREDICATE;
  const tag = `${referrersTag(subject.digest)}.${isSignature ? "sig" : "att"}`;
  const tagged = await source.tagged(tag, signal);
  if (tagged?.kind !== "manifest") return;
  const wanted = isSignature ? SIMPLE_SIGNING_TYPE : ENVELOPE_TYPE;
  const layers = tagged.document.value.layers.filter(({ mediaType }) => mediaType === wanted);
  for (const descriptor of layers.slice(0, MOST)) {
    const name = `the ${isSignature ? "signature" : "attestation"} ${descriptor.digest} in ${tag}`;
    yield await found(async () => {
      const tooLarge = () => new VarveError("TOO_LARGE", `${name} has more than ${MAX_BUNDLE_BYTES} bytes`);
      if (descriptor.size > MAX_BUNDLE_BYTES) throw tooLarge();
      const bytes = await collect(source.blob(descriptor, signal), descriptor.size, tooLarge);
      return candidateOfLayer({ descriptor, bytes }, name)!;
    });
  }
}

/** Codes of what is wrong with one candidate, and says nothing of others. */
const OF_A_CANDIDATE: ReadonlySet<string> = new Set([
  ...[
    "NOT_VERIFIED",
    "INVALID_JSON",
    "TOO_LARGE",
    "INVALID_MANIFEST",
    "DIGEST_MISMATCH",
    "SIZE_MISMATCH",
    "INVALID_DIGEST",
  ],
  "IMAGE_NOT_FOUND",
]);

/** Runs what concerns one candidate: its faults are kept, those of the place thrown. */
export async function found(read: () => Promise<Candidate>): Promise<Found> {
  try {
    return { candidate: await read() };
  } catch (error) {
    if (isOfCandidate(error)) return { fault: error };
    throw error;
  }
}

export function isOfCandidate(error: unknown): error is VarveError {
  return error instanceof VarveError && OF_A_CANDIDATE.has(error.code);
}
