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
import { isConfigType, isManifestType, MediaType, mediaTypeFamily } from "./media-types.ts";
import { annotationsShape, checkDigests, descriptorShape } from "./shapes.ts";

/** An image manifest: OCI image specification, manifest.md, and Docker's schema 2. Unknown fields are kept. */
export interface Manifest {
  readonly schemaVersion: 2;
  readonly mediaType?: string;
  readonly artifactType?: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

/**
 * Checks that a manifest is an image's: OCI image specification, manifest.md, "Guidelines for Artifact Usage".
 * @throws VarveError `NOT_AN_IMAGE`, naming what it is
 */
export function checkIsImage({ artifactType, config }: Manifest, what: string): void {
  if (isConfigType(config.mediaType)) return;
  throw notAnImage(artifactType || config.mediaType, what);
}

/** Whether a manifest is an image's, by the type of its config. */
export function isImageManifest({ config }: Manifest): boolean {
  return isConfigType(config.mediaType);
}

/** The error for an artifact of that type where an image was expected. */
export function notAnImage(type: string, what: string): VarveError {
  return new VarveError(
    "NOT_AN_IMAGE",
    `${what} is not an image but ${shorten(type)}; varve reads and copies images only, so use a tool for artifacts, such as oras or the one that made it`,
  );
}

const manifestShape = z.looseObject({
  schemaVersion: z.literal(2),
  artifactType: z.string().optional(),
  config: descriptorShape,
  layers: z.array(descriptorShape),
  subject: descriptorShape.optional(),
  annotations: annotationsShape.optional(),
});

/**
 * Reads a manifest. The descriptor's media type is what the document and its sender agree on; where neither says one, it follows
 * from the config's.
 *
 * @throws VarveError `INVALID_JSON`, `TOO_LARGE`, `INVALID_MANIFEST`, `INVALID_DIGEST`.
 */
export function parseManifest(bytes: Uint8Array, origin: DocumentOrigin): RawDocument<Manifest> {
  return manifestOf(bytes, parseVersioned(bytes, origin), origin);
}

/** {@link parseManifest} for bytes whose common checks are done. */
export function manifestOf(
  bytes: Uint8Array,
  parsed: VersionedObject,
  { what, digest }: DocumentOrigin,
): RawDocument<Manifest> {
  if (looksLikeIndex(parsed)) {
    throw new VarveError(
      "INVALID_MANIFEST",
      `${what} is an index of several manifests where one manifest is wanted`,
    );
  }
  if (parsed.mediaType !== undefined && !isManifestType(parsed.mediaType)) {
    throw new VarveError(
      "INVALID_MANIFEST",
      `${what} is ${shorten(parsed.mediaType)}, which is not an image manifest`,
    );
  }
  // Go writes an empty list as null; an image without layers is rare, but real.
  const object = parsed.value["layers"] === null ? { ...parsed.value, layers: [] } : parsed.value;
  checkShape(manifestShape, object, what);
  const manifest = object as unknown as Manifest;
  parseDigest(manifest.config.digest, `${what}: its config`);
  checkDigests(manifest.layers, `${what}: layers`);
  if (manifest.subject !== undefined) parseDigest(manifest.subject.digest, `${what}: its subject`);
  const implied =
    mediaTypeFamily(manifest.config.mediaType) === "docker"
      ? MediaType.dockerManifest
      : MediaType.ociManifest;
  return rawDocument(bytes, manifest, { mediaType: parsed.mediaType ?? implied, digest });
}
