/** Documents in the index itself, as BuildKit puts them there: moby/buildkit, docs/attestations/attestation-storage.md. */
import { STATEMENT_TYPE, statement } from "#attest";
import { type Descriptor, digestOf, encodeDocument, type ImageConfig, type Manifest, MediaType } from "#oci";
import type { ReferrerStore } from "#referrers";
import { storeBytes } from "#write";
import type { Operation } from "../machine.ts";
import type { Target } from "../places.ts";
import { checkIndexable } from "./attach.ts";
import type { ImageDocument } from "./wanted.ts";

/** An image's documents, and the manifest that they are about. */
export interface IndexedImage {
  readonly subject: Descriptor;
  readonly name: string;
  readonly documents: readonly ImageDocument[];
}

/**
 * Writes documents as BuildKit does: a manifest for each image, which the index lists for a platform that there isn't.
 * @returns the index's entries
 * @throws VarveError `USAGE` for a place that isn't a registry or a layout; what writing to the place throws
 */
export async function indexEntries(
  images: readonly IndexedImage[],
  { target, operation }: { readonly target: Target; readonly operation: Operation },
): Promise<Descriptor[]> {
  const { machine, signal } = operation;
  await checkIndexable(target);
  await using store = await machine.transports.referrerStore(target as string);
  const entries: Descriptor[] = [];
  for (const image of images) entries.push(await indexEntry(image, store, signal));
  return entries;
}

async function indexEntry(
  { subject, name, documents }: IndexedImage,
  store: ReferrerStore,
  signal: AbortSignal | undefined,
): Promise<Descriptor> {
  const layers: Descriptor[] = [];
  for (const document of documents) {
    const bytes = statementOf(document, { name, subject });
    const descriptor = { mediaType: STATEMENT_TYPE, digest: digestOf(bytes), size: bytes.length };
    await storeBytes(store.blobs, { bytes, descriptor }, signal);
    layers.push({ ...descriptor, annotations: { "in-toto.io/predicate-type": document.predicateType } });
  }
  const config: ImageConfig = {
    ...{ architecture: "unknown", os: "unknown", config: {} },
    rootfs: { type: "layers", diff_ids: layers.map(({ digest }) => digest) },
  };
  const encoded = encodeDocument(config, MediaType.ociConfig);
  await storeBytes(store.blobs, encoded, signal);
  const manifest: Manifest = {
    ...{ schemaVersion: 2, mediaType: MediaType.ociManifest, config: encoded.descriptor, layers },
  };
  const document = encodeDocument(manifest, MediaType.ociManifest);
  await store.put(document, { signal });
  return {
    ...document.descriptor,
    platform: { os: "unknown", architecture: "unknown" },
    annotations: {
      "vnd.docker.reference.digest": subject.digest,
      "vnd.docker.reference.type": "attestation-manifest",
    },
  };
}

/** A document as a statement; provenance is one already. */
export function statementOf(
  { kind, bytes, predicateType }: ImageDocument,
  { name, subject }: { readonly name: string; readonly subject: Pick<Descriptor, "digest"> },
): Uint8Array {
  if (kind === "provenance") return bytes;
  const predicate: unknown = JSON.parse(Buffer.from(bytes).toString());
  return statement({ subject: [{ name, digest: subject.digest }], predicateType, predicate });
}
