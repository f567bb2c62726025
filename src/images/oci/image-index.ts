import * as z from "zod";
import { VarveError } from "#errors";
import type { Descriptor } from "./descriptor.ts";
import { parseDigest } from "./digest.ts";
import {
  checkShape,
  type DocumentOrigin,
  looksLikeIndex,
  parseVersioned,
  type RawDocument,
  rawDocument,
  shorten,
  type VersionedObject,
} from "./document.ts";
import { type Manifest, manifestOf } from "./manifest.ts";
import { isIndexType, isManifestType, MediaType } from "./media-types.ts";
import { annotationsShape, checkDigests, descriptorShape } from "./shapes.ts";

/** A list of manifests: OCI image specification, image-index.md, and Docker's manifest list. Unknown fields are kept. */
export interface ImageIndex {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly manifests: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

const indexShape = z.looseObject({
  schemaVersion: z.literal(2),
  artifactType: z.string().optional(),
  manifests: z.array(descriptorShape),
  subject: descriptorShape.optional(),
  annotations: annotationsShape.optional(),
});

/**
 * Reads an index or a manifest list.
 * @throws VarveError `INVALID_JSON`, `TOO_LARGE`, `INVALID_MANIFEST`, `INVALID_DIGEST`.
 */
export function parseIndex(bytes: Uint8Array, origin: DocumentOrigin): RawDocument<ImageIndex> {
  return indexOf(bytes, parseVersioned(bytes, origin), origin);
}

function indexOf(
  bytes: Uint8Array,
  parsed: VersionedObject,
  { what, digest }: DocumentOrigin,
): RawDocument<ImageIndex> {
  if (parsed.mediaType !== undefined && !isIndexType(parsed.mediaType)) {
    const kind = isManifestType(parsed.mediaType) ? "one manifest" : shorten(parsed.mediaType);
    throw new VarveError("INVALID_MANIFEST", `${what} is ${kind} where an index of manifests is wanted`);
  }
  const object = parsed.value["manifests"] === null ? { ...parsed.value, manifests: [] } : parsed.value;
  checkShape(indexShape, object, what);
  const index = object as unknown as ImageIndex;
  checkDigests(index.manifests, `${what}: manifests`);
  if (index.subject !== undefined) parseDigest(index.subject.digest, `${what}: its subject`);
  return rawDocument(bytes, index, { mediaType: parsed.mediaType ?? MediaType.ociIndex, digest });
}

/** A document that was either, and what it turned out to be. */
export type ManifestOrIndex =
  | { readonly kind: "manifest"; readonly document: RawDocument<Manifest> }
  | { readonly kind: "index"; readonly document: RawDocument<ImageIndex> };

/**
 * Reads a document that may be a manifest or an index, as a registry answers for a tag.
 * @throws VarveError `INVALID_JSON`, `TOO_LARGE`, `INVALID_MANIFEST`, `INVALID_DIGEST`.
 */
export function parseManifestOrIndex(bytes: Uint8Array, origin: DocumentOrigin): ManifestOrIndex {
  const parsed = parseVersioned(bytes, origin);
  return looksLikeIndex(parsed)
    ? { kind: "index", document: indexOf(bytes, parsed, origin) }
    : { kind: "manifest", document: manifestOf(bytes, parsed, origin) };
}
