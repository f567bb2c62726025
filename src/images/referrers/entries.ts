/** How referrers are listed: OCI distribution specification, "Listing Referrers" and "Referrers Tag Schema". */
import { VarveError } from "#errors";
import {
  algorithmOf,
  type Descriptor,
  type Digest,
  encodeDocument,
  hexOf,
  type ImageIndex,
  MAX_MANIFEST_BYTES,
  type ManifestOrIndex,
  MediaType,
  type RawDocument,
} from "#oci";
import type { ReferrerDocument } from "./store.ts";

/** More than hang on any real image; whoever lists more is not believed. */
export const MAX_REFERRERS = 10_000;

/** The tag that has a manifest's referrers where there is no API for them. Of a long digest it has 64 digits. */
export function referrersTag(subject: Digest): string {
  return `${algorithmOf(subject)}-${hexOf(subject).slice(0, 64)}`;
}

/** Whether a tag is one of those under which things hang on an image: {@link referrersTag}, or cosign's old ones. */
export function isReferrersTag(tag: string): boolean {
  return /^(?:sha256|sha512)-[0-9a-f]{64}(?:\.(?:sig|att|sbom))?$/.test(tag);
}

/** A manifest as lists of referrers have it: with its artifact type, and all its annotations. */
export function referrerEntry({ value, descriptor }: ReferrerDocument): Descriptor {
  const { mediaType, digest, size } = descriptor;
  const type = value.artifactType || ("config" in value ? value.config.mediaType : undefined);
  const { annotations } = value;
  return {
    ...{ mediaType, digest, size },
    ...(type !== undefined && { artifactType: type }),
    ...(annotations !== undefined && { annotations }),
  };
}

/** The list with these entries, too; undefined where it has them all, with what they say. */
export function withReferrers(
  index: ImageIndex | undefined,
  added: readonly Descriptor[],
): ImageIndex | undefined {
  const present = index?.manifests ?? [];
  const missing = added.filter(
    (entry) => !present.some((each) => each.digest === entry.digest && says(each, entry)),
  );
  if (missing.length === 0) return undefined;
  const digests = new Set<string>(missing.map(({ digest }) => digest));
  const manifests = [...present.filter(({ digest }) => !digests.has(digest)), ...missing];
  return { schemaVersion: 2, mediaType: MediaType.ociIndex, ...index, manifests };
}

/** Whether an entry has all that another says; some writers leave annotations out. */
function says(entry: Descriptor, { artifactType, annotations = {} }: Descriptor): boolean {
  return (
    entry.artifactType === artifactType &&
    Object.entries(annotations).every(([key, value]) => entry.annotations?.[key] === value)
  );
}

/**
 * A list as a document.
 * @param what names the list in the error
 * @throws VarveError `TOO_LARGE`
 */
export function encodeReferrers(index: ImageIndex, what: string): RawDocument<ImageIndex> {
  const document = encodeDocument(index, MediaType.ociIndex);
  if (document.bytes.length > MAX_MANIFEST_BYTES || index.manifests.length > MAX_REFERRERS) {
    throw new VarveError(
      "TOO_LARGE",
      `${what} would list ${index.manifests.length} referrers in ${document.bytes.length} bytes, more than can be read again; remove some of them`,
    );
  }
  return document;
}

/**
 * The list that a tag has.
 * @param what names the tag in errors
 * @throws VarveError `INVALID_MANIFEST` for an image, `TOO_LARGE`
 */
export function referrersIndex(found: ManifestOrIndex, what: string): RawDocument<ImageIndex> {
  if (found.kind === "manifest") {
    throw new VarveError(
      "INVALID_MANIFEST",
      `${what} is one manifest where an index of referrers is wanted; remove or rename that tag, whose name the OCI specification keeps for them`,
    );
  }
  checkCount(found.document.value.manifests.length, what);
  return found.document;
}

/** @throws VarveError `TOO_LARGE` */
export function checkCount(count: number, what: string): void {
  if (count <= MAX_REFERRERS) return;
  throw new VarveError(
    "TOO_LARGE",
    `${what} lists more than the ${MAX_REFERRERS} referrers that varve reads`,
  );
}

/** Those of an artifact type, or all. */
export function ofType(
  entries: readonly Descriptor[],
  artifactType: string | undefined,
): readonly Descriptor[] {
  return artifactType === undefined
    ? entries
    : entries.filter((entry) => entry.artifactType === artifactType);
}
