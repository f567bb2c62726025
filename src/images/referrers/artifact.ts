/** Artifacts that hang on images: OCI image specification, manifest.md, "Guidelines for Artifact Usage". */
import { VarveError } from "#errors";
import {
  type Descriptor,
  digestOf,
  encodeDocument,
  MAX_MANIFEST_BYTES,
  type Manifest,
  MediaType,
  type RawDocument,
} from "#oci";
import { bytesSource, collect, compareNames } from "#util";
import { storeBytes } from "#write";
import { referrerEntry } from "./entries.ts";
import type { ReferrerSource, ReferrerStore } from "./store.ts";

/** A blob of an artifact that is to be. */
export interface ArtifactBlob {
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** Such as its file's name as `org.opencontainers.image.title`, under which oras writes it. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An artifact that is to be attached to an image. */
export interface Artifact {
  /** What it is: a media type, such as `application/vnd.cyclonedx+json`. */
  readonly artifactType: string;
  readonly blobs: readonly ArtifactBlob[];
  /** Of its manifest, and of its entry where it is listed. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** What was read of an artifact. */
export interface ReadArtifact {
  readonly manifest: Manifest;
  /** In the manifest's order; each has its bytes, which have been checked. */
  readonly blobs: readonly (Descriptor & { readonly bytes: Uint8Array })[];
}

/** More than any SBOM or signature has; who knows better says so. */
export const MAX_ARTIFACT_BYTES = 64 * 1024 * 1024;

/** OCI image specification, manifest.md, "Guidance for an Empty Descriptor". */
const EMPTY = encodeDocument({}, "application/vnd.oci.empty.v1+json");

/** RFC 6838, "Naming Requirements". */
const MEDIA_TYPE = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

/**
 * The manifest of an artifact. The same artifact has the same manifest for the same subject, byte for byte.
 * @throws VarveError `USAGE` for what is no media type, `TOO_LARGE`
 */
export function artifactManifest(artifact: Artifact, subject: Descriptor): RawDocument<Manifest> {
  const { artifactType, blobs, annotations = {} } = artifact;
  for (const type of [artifactType, ...blobs.map((blob) => blob.mediaType)]) {
    if (MEDIA_TYPE.test(type)) continue;
    throw new VarveError(
      "USAGE",
      `${JSON.stringify(type.slice(0, 100))} is not a media type; write one such as application/vnd.cyclonedx+json`,
    );
  }
  const layers = blobs.map(({ mediaType, bytes, annotations: own = {} }) => ({
    ...{ mediaType, digest: digestOf(bytes), size: bytes.length },
    ...annotated(own),
  }));
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    artifactType,
    config: EMPTY.descriptor,
    // Some registries refuse a manifest without layers.
    layers: layers.length === 0 ? [EMPTY.descriptor] : layers,
    subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size },
    ...annotated(annotations),
  };
  const document = encodeDocument(manifest, MediaType.ociManifest);
  if (document.bytes.length <= MAX_MANIFEST_BYTES) return document;
  throw new VarveError(
    "TOO_LARGE",
    `the manifest of what is to be attached would have ${document.bytes.length} bytes, and registries take ${MAX_MANIFEST_BYTES}; use fewer files, or shorter annotations`,
  );
}

/** In one order, whatever the caller's. */
function annotated(annotations: Readonly<Record<string, string>>): { annotations?: Record<string, string> } {
  const entries = Object.entries(annotations).sort(([a], [b]) => compareNames(a, b));
  return entries.length === 0 ? {} : { annotations: Object.fromEntries(entries) };
}

/**
 * Attaches an artifact to what a store has. Attached twice, it is there once.
 * @returns the descriptor of its manifest
 * @throws VarveError as {@link artifactManifest}, and what the store throws
 */
export async function attachArtifact(
  store: ReferrerStore,
  { artifact, subject, signal }: { artifact: Artifact; subject: Descriptor; signal: AbortSignal | undefined },
): Promise<Descriptor> {
  const [descriptor] = await attachArtifacts(store, { artifacts: [artifact], subject, signal });
  return descriptor!;
}

/** As {@link attachArtifact}, of several; where a store keeps a list of them, it is changed once for all. */
export async function attachArtifacts(
  store: ReferrerStore,
  options: {
    readonly artifacts: readonly Artifact[];
    readonly subject: Descriptor;
    readonly signal: AbortSignal | undefined;
  },
): Promise<Descriptor[]> {
  const { artifacts, subject, signal } = options;
  const documents = artifacts.map((artifact) => artifactManifest(artifact, subject));
  if (documents.length === 0) return [];
  for (const { bytes } of artifacts.flatMap(({ blobs }) => blobs)) {
    const descriptor = { digest: digestOf(bytes), size: bytes.length };
    if (await store.blobs.has(descriptor)) continue;
    await store.blobs.put({ descriptor, ...bytesSource(bytes) }, signal);
  }
  await storeBytes(store.blobs, EMPTY, signal);
  await store.putReferrers(subject.digest, documents, signal);
  return documents.map(referrerEntry);
}

/** How an artifact is read. */
export interface ReadArtifactOptions {
  /** What it must hang on. */
  readonly subject: Descriptor;
  /** How many bytes its blobs may have together. */
  readonly maxBytes?: number | undefined;
  readonly signal: AbortSignal | undefined;
}

/**
 * Reads an artifact whole, and checks that it hangs on what it is said to.
 * @throws VarveError `INVALID_MANIFEST` for another subject, or an index; `TOO_LARGE`; and what the source throws
 */
export async function readArtifact(
  source: ReferrerSource,
  descriptor: Descriptor,
  { subject, maxBytes = MAX_ARTIFACT_BYTES, signal }: ReadArtifactOptions,
): Promise<ReadArtifact> {
  const found = await source.document(descriptor, signal);
  checkSubject(found.document.value.subject, { subject, descriptor, name: source.name });
  if (found.kind === "index") {
    throw new VarveError(
      "INVALID_MANIFEST",
      `${descriptor.digest} in ${source.name} is an index of artifacts where one artifact is wanted`,
    );
  }
  const { value: manifest } = found.document;
  const tooLarge = () =>
    new VarveError(
      "TOO_LARGE",
      `the artifact ${descriptor.digest} in ${source.name} has more than the ${maxBytes} bytes allowed`,
    );
  const blobs: (Descriptor & { bytes: Uint8Array })[] = [];
  let left = maxBytes;
  for (const layer of manifest.layers) {
    if (layer.size > left) throw tooLarge();
    left -= layer.size;
    const bytes = await collect(source.blob(layer, signal), layer.size, tooLarge);
    blobs.push({ ...layer, bytes });
  }
  return { manifest, blobs };
}

/** @throws VarveError `INVALID_MANIFEST` for what hangs on something else */
export function checkSubject(
  said: Descriptor | undefined,
  { subject, descriptor, name }: { subject: Descriptor; descriptor: Descriptor; name: string },
): void {
  if (said?.digest === subject.digest) return;
  const other = said === undefined ? "has no subject" : `has the subject ${said.digest}`;
  throw new VarveError(
    "INVALID_MANIFEST",
    `${name} lists ${descriptor.digest} as a referrer of ${subject.digest}, but it ${other}; don't trust it`,
  );
}
