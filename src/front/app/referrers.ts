/** What hangs on an image: attached, listed, and read. */
import { type Descriptor, parsePlatform } from "#oci";
import {
  type Artifact,
  attachArtifact,
  type ReadArtifact,
  type ReferrerNode,
  type ReferrerSource,
  readArtifact,
  readTree,
} from "#referrers";
import { type Operation, type OperationOptions, operate } from "./machine.ts";

/** What is attached to an image. */
export interface AttachedArtifact extends Artifact {
  /** Such as `linux/arm64`: attaches it to the image for that platform, and not to the index that a name means. */
  readonly platform?: string | undefined;
}

/** How an artifact is read. */
export interface ReadReferrerOptions extends OperationOptions {
  /** How many bytes its blobs may have together; 64 MiB unless given. */
  readonly maxBytes?: number | undefined;
}

/**
 * Attaches an artifact to an image: stores it as a manifest whose `subject` is the image's manifest, or the index that the name
 * means. Attaching the same again changes nothing.
 * @param ref - the image's place: a registry or an OCI layout
 * @param artifact - what it is, and its blobs
 * @returns the descriptor of the artifact's manifest
 * @throws VarveError `USAGE` for a place where nothing can be attached, or what is no media type; `IMAGE_NOT_FOUND`, `TOO_LARGE`;
 *   `CONFLICT` where others write to the same list all the time; what reading and writing the place throw
 */
export async function attach(
  ref: string,
  { platform, ...artifact }: AttachedArtifact,
  options: OperationOptions = {},
): Promise<Descriptor> {
  return await operate(options, async (operation) => {
    const { signal } = operation;
    await using store = await operation.machine.transports.referrerStore(ref);
    const wanted = platform === undefined ? platformIn(operation) : parsePlatform(platform);
    const subject = await store.subject(wanted, signal);
    return await attachArtifact(store, { artifact, subject, signal });
  });
}

/**
 * Lists what hangs on an image, or on the index that a name means; with a platform, on the image for it.
 * @param ref - the image's place: a registry, an OCI layout or an archive of one
 * @param query - `artifactType`: only those of this type
 * @returns descriptors of manifests, with their types and annotations, as the place lists them. What they are is for
 *   {@link readReferrer} to find out.
 * @throws VarveError `USAGE` for a place that has no such list; `IMAGE_NOT_FOUND`, `TOO_LARGE`; what reading the place throws
 */
export async function referrers(
  ref: string,
  query: { readonly artifactType?: string | undefined } = {},
  options: OperationOptions = {},
): Promise<Descriptor[]> {
  return await withSubject(ref, options, async (source, subject, { signal }) => {
    const { artifactType } = query;
    return [...(await source.referrers(subject.digest, { artifactType, signal }))];
  });
}

/**
 * Reads an artifact that hangs on an image, with its blobs; all of it is checked against the descriptor's digest.
 * @param ref - the image's place, as {@link referrers} was asked for it
 * @param descriptor - one of those that it returned
 * @throws VarveError `INVALID_MANIFEST` where it hangs on something else; `TOO_LARGE`, `DIGEST_MISMATCH`; what reading the place throws
 */
export async function readReferrer(
  ref: string,
  descriptor: Descriptor,
  { maxBytes, ...options }: ReadReferrerOptions = {},
): Promise<ReadArtifact> {
  return await withSubject(ref, options, async (source, subject, { signal }) => {
    return await readArtifact(source, descriptor, { subject, maxBytes, signal });
  });
}

/** What hangs on an image, and how people call the place. */
export interface HangingTree {
  readonly source: string;
  readonly tree: ReferrerNode;
}

/**
 * Looks at all that hangs on an image, and on that in turn: of an index the images, their attestations, and what refers to each of them or
 * has one of cosign's old tags. Each is read; what is wrong with one is said at it.
 * @param ref - the image's place: a registry, an OCI layout or an archive of one
 * @throws VarveError as {@link referrers}
 */
export async function referrerTree(ref: string, options: OperationOptions = {}): Promise<HangingTree> {
  return await withSubject(ref, options, async (source, subject, { signal }) => {
    return { source: source.name, tree: await readTree(source, subject, signal) };
  });
}

async function withSubject<T>(
  ref: string,
  options: OperationOptions,
  work: (source: ReferrerSource, subject: Descriptor, operation: Operation) => Promise<T>,
): Promise<T> {
  return await operate(options, async (operation) => {
    const { machine, signal } = operation;
    await using source = await machine.transports.referrerSource(ref, signal);
    return await work(source, await source.subject(platformIn(operation), signal), operation);
  });
}

/** The platform that was asked for; the machine's own is none. */
function platformIn({ read }: Operation): Operation["read"]["platform"] | undefined {
  return read.strict === true ? read.platform : undefined;
}
