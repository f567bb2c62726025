/** The doors to signatures: what makes and verifies them is loaded by those who have some, since keys, schemas and bundles take time. */
import type { Operation } from "../machine.ts";
import type { BuiltSigner, BuiltSignerOptions } from "./built.ts";
import type { SignedSource, SourceDemand } from "./open.ts";
import type { AttestingOptions, SignedImage, SignOptions } from "./sign.ts";
import type { VerifiedImage, VerifyOptions } from "./verify.ts";

/**
 * Signs an image: what its name means at that time, whose digest is in the signature.
 * @param ref - the image's place: a registry or an OCI layout
 * @throws VarveError `INVALID_KEY`, `SIGNING_FAILED`, `USAGE`, and what reading and writing the place throws
 */
export async function sign(ref: string, options: SignOptions): Promise<SignedImage> {
  const { signImage } = await import("./sign.ts");
  return await signImage(ref, options);
}

/**
 * Signs what is said of an image: attaches it as a statement in a bundle.
 * @param ref - the image's place: a registry or an OCI layout
 * @throws VarveError as {@link sign}
 */
export async function attest(ref: string, options: AttestingOptions): Promise<SignedImage> {
  const { attestImage } = await import("./sign.ts");
  return await attestImage(ref, options);
}

/**
 * Verifies that an image has a signature, or an attestation, by whom it is demanded. A name is asked what it means once.
 * @param ref - the image's place: a registry, an OCI layout or an archive of one
 * @throws VarveError `NOT_VERIFIED` where there is none that holds, with the reason of each; `USAGE` where nothing or too much is
 *   demanded; and what reading keys and the place throws
 */
export async function verify(ref: string, options: VerifyOptions): Promise<VerifiedImage> {
  const { verifyImage } = await import("./verify.ts");
  return await verifyImage(ref, options);
}

/**
 * Opens a place to read from; where something is demanded, only after that was verified. Of an index either the whole must be signed,
 * or the image for the platform.
 * @throws VarveError `NOT_VERIFIED`, also for an image that isn't what was verified; `USAGE` for a place on whose images nothing hangs;
 *   what opening and reading the place throws
 */
export async function openSigned(
  place: string,
  demand: SourceDemand | undefined,
  operation: Operation,
): Promise<SignedSource> {
  if (demand === undefined) return { source: await operation.machine.transports.source(place), place };
  const { openVerified } = await import("./open.ts");
  return await openVerified(place, demand, operation);
}

/**
 * Opens the key, before anything is built that it can't sign.
 * @throws VarveError `USAGE` where nothing can hang on images at any of the places; what opening a key throws
 */
export async function builtSigner(options: BuiltSignerOptions): Promise<BuiltSigner> {
  if (options.sign === undefined) return { sign: async () => [] };
  const { keyedSigner } = await import("./built.ts");
  return await keyedSigner(options.sign, options);
}
