/** How a shared cache lies in a repository: one tag that is its name, and one for each of its segments. */

import { VarveError } from "#errors";
import {
  type Descriptor,
  type Digest,
  encodeDocument,
  formatReference,
  hexOf,
  type Manifest,
  MediaType,
  parseDigest,
  type RawDocument,
  type Reference,
} from "#oci";
import type { SegmentName } from "./store.ts";

/** The artifact type of the manifest at the cache's own tag, and of its segments'. */
export const CACHE_ARTIFACT_TYPE = "application/vnd.varve.cache.v2";

const SEGMENT_TYPE = "application/vnd.varve.cache.segment.v2";
const NOTES_TYPE = "application/vnd.varve.cache.base.v2+zstd";

/** OCI image specification, manifest.md, "Guidance for an Empty Descriptor". */
export const EMPTY = encodeDocument({}, "application/vnd.oci.empty.v1+json");

/** What lies between the tag of a cache and what its segments are called: the form's version, and that it is a cache's. */
const INFIX = ".c2-";

const SEGMENT = /^([0-9a-f]{64})-([1-9a-z][0-9a-z]{0,5})$/;

/** Longer tags leave no room for those of segments. */
const MAX_TAG = 128 - INFIX.length - 64 - 1 - 6;

/** The prefix of the tags of a cache's segments. */
export function segmentPrefix(tag: string): string {
  return tag + INFIX;
}

/** The tag of a segment: it says all that is needed to read it. */
export function segmentTag(tag: string, { digest, size }: SegmentName): string {
  return `${segmentPrefix(tag)}${hexOf(digest)}-${size.toString(36)}`;
}

/** The segment that a tag names, and the tag of its cache; undefined for the tag of anything else. */
export function parseSegmentTag(text: string): (SegmentName & { readonly cache: string }) | undefined {
  const at = text.lastIndexOf(INFIX);
  const [, hex, size] = SEGMENT.exec(text.slice(at + INFIX.length)) ?? [];
  if (at < 1 || hex === undefined) return undefined;
  const digest = parseDigest(`sha256:${hex}`, "a tag");
  return { cache: text.slice(0, at), digest, size: Number.parseInt(size!, 36) };
}

/** The tag of a cache. @throws VarveError `USAGE` for a reference that none can be kept under */
export function cacheTag(reference: Reference): string {
  const { tag, digest } = reference;
  const name = formatReference(reference);
  if (tag === undefined || digest !== undefined) {
    throw new VarveError("USAGE", `a cache can't be kept in ${name}: give a tag, and no digest`);
  }
  if (tag.length > MAX_TAG || tag.includes(INFIX)) {
    throw new VarveError(
      "USAGE",
      `a cache can't be kept in ${name}: give a tag of at most ${MAX_TAG} characters, without "${INFIX}"`,
    );
  }
  return tag;
}

/** The manifest at the cache's own tag, which is the same for every cache. */
export function anchorManifest(): RawDocument<Manifest> {
  return encodeDocument(manifestOf(CACHE_ARTIFACT_TYPE, [EMPTY.descriptor]), MediaType.ociManifest);
}

/** The manifest of a segment, which keeps a registry from taking its blobs for rubbish. */
export function segmentManifest(segment: SegmentName, notes: readonly SegmentName[]): RawDocument<Manifest> {
  const layers: Descriptor[] = [
    { mediaType: SEGMENT_TYPE, digest: segment.digest, size: segment.size },
    ...[...notes]
      .sort((a, b) => (a.digest < b.digest ? -1 : 1))
      .map(({ digest, size }) => ({ mediaType: NOTES_TYPE, digest, size })),
  ];
  return encodeDocument(manifestOf(SEGMENT_TYPE, layers), MediaType.ociManifest);
}

function manifestOf(artifactType: string, layers: readonly Descriptor[]): Manifest {
  return {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType,
    config: EMPTY.descriptor,
    layers,
  };
}

/** What a segment that is replaced is called by the one that replaces it. */
export function shortName(digest: Digest): string {
  return hexOf(digest).slice(0, 32);
}
