/** Attaches documents to images where these were written. */
import { VarveError } from "#errors";
import type { Descriptor, Digest } from "#oci";
import { type Artifact, attachArtifacts } from "#referrers";
import { parseDestination } from "#transports";
import type { WrittenImage } from "#write";
import type { Operation } from "../machine.ts";
import type { Target, WritingOptions } from "../places.ts";
import type { ImageDocument } from "./wanted.ts";

/** A document as it hangs on an image. */
export interface AttachedDocument {
  /** The place, as people call it. */
  readonly destination: string;
  readonly kind: ImageDocument["kind"] | "signature";
  /** Whether it is signed: a signature, or what is said of the image in a signed statement. */
  readonly signed?: true;
  /** The image's manifest, or an index over images. */
  readonly subject: Digest;
  /** The manifest that has the document. */
  readonly descriptor: Descriptor;
}

export interface AttachAllOptions extends Pick<WritingOptions, "onWarning"> {
  readonly operation: Operation;
  readonly to: readonly Target[];
}

/**
 * Attaches documents to the images that they are about, at each place that has room for that; of the others a warning tells.
 * @param written the image as it is at each of the places
 * @throws VarveError what writing to the places throws
 */
export async function attachDocuments(
  documents: readonly ImageDocument[],
  written: readonly WrittenImage[],
  { operation, to, onWarning }: AttachAllOptions,
): Promise<AttachedDocument[]> {
  const { machine, signal } = operation;
  const attached: AttachedDocument[] = [];
  for (const [at, target] of to.entries()) {
    const { descriptor: subject, sink } = written[at]!;
    const own = documents.filter(({ subject: digest }) => digest === subject.digest);
    if (own.length === 0) continue;
    if (typeof target !== "string" || !(await hasRoom(target))) {
      onWarning?.(
        `nothing can hang on the image in ${sink.name}, so what was written down of it isn't there; copy it to a registry or an OCI layout, or write it with varve sbom`,
      );
      continue;
    }
    await using store = await machine.transports.referrerStore(target);
    const artifacts = own.map(artifactOf);
    const descriptors = await attachArtifacts(store, { artifacts, subject, signal });
    for (const [index, { kind }] of own.entries()) {
      const descriptor = descriptors[index]!;
      attached.push({ destination: sink.name, kind, subject: subject.digest, descriptor });
    }
  }
  return attached;
}

/** Whether artifacts can hang on images at a place. */
export async function hasRoom(target: string): Promise<boolean> {
  const { transport } = await parseDestination(target);
  return transport === "docker" || transport === "oci";
}

/** @throws VarveError `USAGE` */
export async function checkIndexable(target: Target): Promise<void> {
  if (typeof target === "string" && (await hasRoom(target))) return;
  const name = typeof target === "string" ? target : target.name;
  throw new VarveError(
    "USAGE",
    `${name} takes no documents into an index; write to a registry or an OCI layout`,
  );
}

function artifactOf({ mediaType, predicateType, kind, bytes }: ImageDocument): Artifact {
  // What statements are about is told by their own field, as cosign and BuildKit call it.
  const annotations = kind === "provenance" ? { "in-toto.io/predicate-type": predicateType } : {};
  return { artifactType: mediaType, blobs: [{ mediaType, bytes, annotations }], annotations };
}
