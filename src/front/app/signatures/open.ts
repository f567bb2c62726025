/** Opens images that must be signed: by the digest that was verified, whatever a name means by then. */
import { VarveError } from "#errors";
import type { Image, ImageSource } from "#image";
import { type Descriptor, type Digest, formatReference } from "#oci";
import { parseSource } from "#transports";
import type { Operation } from "../machine.ts";
import { policyOf, type SignatureDemand } from "./demand.ts";
import { type VerifiedImage, verifySubject } from "./verify.ts";

/** What is demanded of an image that is read. */
export interface SourceDemand extends SignatureDemand {
  /** An attestation instead of a signature. */
  readonly type?: string | undefined;
}

/** An image's source, and its place by which it is the same again. */
export interface SignedSource {
  readonly source: ImageSource;
  readonly place: string;
}

/** Opens a place of which something is demanded; see the door. */
export async function openVerified(
  place: string,
  demand: SourceDemand,
  operation: Operation,
): Promise<SignedSource> {
  const { named, verified } = await verifyPlace(place, demand, operation);
  const pinned = await pinnedPlace(place, named.digest, operation);
  const source = await operation.machine.transports.source(pinned.place);
  const { name = source.name } = pinned;
  return { source: checked(source, { name, verified: verified.digest }), place: pinned.place };
}

async function verifyPlace(
  place: string,
  demand: SourceDemand,
  operation: Operation,
): Promise<{ named: Descriptor; verified: VerifiedImage }> {
  const { machine, read, signal } = operation;
  const policy = await policyOf(demand, operation);
  await using source = await machine.transports.referrerSource(place, signal);
  const options = { source, policy, operation, type: demand.type };
  const named = await source.subject(undefined, signal);
  try {
    return { named, verified: await verifySubject(named, options) };
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "NOT_VERIFIED")) throw error;
    const own = await source.subject(read.platform, signal);
    if (own.digest === named.digest) throw error;
    return { named, verified: await verifySubject(own, options) };
  }
}

/** The place of what a name meant, and what people call it. A layout is on this machine, and is only read again. */
async function pinnedPlace(
  text: string,
  digest: Digest,
  { machine }: Operation,
): Promise<{ readonly place: string; readonly name?: string }> {
  const place = await parseSource(text, machine);
  if (place.transport !== "docker") return { place: text };
  const { reference } = place;
  return {
    place: `docker://${formatReference({ ...reference, digest })}`,
    name: formatReference(reference, "familiar"),
  };
}

/** The source under the name that it was asked for by, of nothing but what was verified. */
function checked(
  source: ImageSource,
  { name, verified }: { readonly name: string; readonly verified: Digest },
): ImageSource {
  return {
    name,
    async read(options): Promise<Image> {
      const image = await source.read(options);
      const { index, manifest, names } = image;
      if (![index, manifest].some((document) => document?.descriptor.digest === verified)) {
        throw new VarveError(
          "NOT_VERIFIED",
          `${name} was verified as ${verified}, and is another image by now; try again`,
        );
      }
      return { ...image, names: names.map((each) => (each === source.name ? name : each)) };
    },
    ...(source.readEntry && { readEntry: (entry, signal) => source.readEntry!(entry, signal) }),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}
