/** Places for images of several platforms, and an index over them. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { VarveError, writeError } from "#errors";
import { fileOutput, ociLayoutSink, packedLayout } from "#formats";
import {
  type Descriptor,
  type Digest,
  encodeDocument,
  type ImageIndex,
  MediaType,
  type RawDocument,
} from "#oci";
import { parseDestination } from "#transports";
import type { ImageSink } from "#write";
import type { Operation } from "./machine.ts";
import type { Target, Written } from "./places.ts";

/** An index as it was written. */
export interface WrittenIndex {
  /** The place, as people call it. */
  readonly destination: string;
  /** Of the index: OCI image specification, image-index.md. */
  readonly digest: Digest;
  /** The images that it names, with their platforms. */
  readonly manifests: readonly Descriptor[];
  /** The images for platforms among them as they were written, in the same order. */
  readonly images: readonly Written[];
}

/** A place for an index. Disposing of it removes what isn't needed once the index is there, or has failed. */
export interface IndexPlace extends AsyncDisposable {
  /** The place, as people call it. */
  readonly name: string;
  /** Where the images are written, untagged. */
  readonly sink: ImageSink;
  /**
   * Writes the index over them.
   * @throws VarveError what the place may fail with
   */
  finish(index: NewIndex): Promise<WrittenIndex>;
  /** The index, once it is written. */
  descriptor(): Descriptor;
}

/** What an index says. */
export interface NewIndex {
  readonly manifests: readonly Descriptor[];
  /** The images for platforms among them as they were written. */
  readonly images: readonly Written[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
  /** The names that it gets where its place has none. */
  readonly names?: readonly string[];
}

/**
 * Opens a place for an index: a registry, an OCI layout, or an archive of one. An archive is one stream, and its index comes
 * last, so the images are kept in a temporary layout until then.
 * @throws VarveError `USAGE` for a place that can't hold an index; `INVALID_REFERENCE`
 */
export async function openIndexPlace(target: Target, operation: Operation): Promise<IndexPlace> {
  const { machine, signal } = operation;
  const place = typeof target === "string" ? await parseDestination(target) : undefined;
  if (place?.transport === "oci-archive") return await archivePlace(place, operation);
  const sink = typeof target === "string" ? await machine.transports.sink(target) : target;
  const { name } = sink;
  let descriptor: Descriptor;
  if (sink.writeIndex === undefined) {
    throw new VarveError(
      "USAGE",
      `${name} can't hold an index, so there is room for one platform only; write to a registry, an OCI layout or an oci-archive`,
    );
  }
  return {
    name,
    sink,
    async finish({ names, ...index }) {
      const document = documentOf(index);
      await sink.writeIndex!(document, { signal, names });
      ({ descriptor } = document);
      return writtenIndex(name, document, index);
    },
    descriptor: () => descriptor,
    async [Symbol.asyncDispose]() {},
  };
}

async function archivePlace(
  { path, select: tag }: { readonly path: string; readonly select?: string },
  { machine, signal }: Operation,
): Promise<IndexPlace> {
  const folder = await mkdtemp(join(machine.temporary, "varve-index-")).catch((error) => {
    throw writeError(`a folder in ${machine.temporary}`, error);
  });
  const sink = ociLayoutSink({ path: join(folder, "layout"), tag });
  let descriptor: Descriptor;
  const name = `oci-archive:${path}${tag === undefined ? "" : `:${tag}`}`;
  return {
    name,
    sink: { ...sink, name },
    async finish({ names, ...index }) {
      const document = documentOf(index);
      await sink.writeIndex!(document, { signal, names });
      await fileOutput(path).write(packedLayout(join(folder, "layout"), signal), signal);
      ({ descriptor } = document);
      return writtenIndex(name, document, index);
    },
    descriptor: () => descriptor,
    [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true, maxRetries: 3 }),
  };
}

function writtenIndex(
  destination: string,
  { descriptor }: RawDocument<ImageIndex>,
  { manifests, images }: NewIndex,
): WrittenIndex {
  return { destination, digest: descriptor.digest, manifests, images };
}

function documentOf({ manifests, annotations = {} }: NewIndex): RawDocument<ImageIndex> {
  const value: ImageIndex = {
    schemaVersion: 2,
    mediaType: MediaType.ociIndex,
    manifests,
    ...(Object.keys(annotations).length > 0 && { annotations }),
  };
  return encodeDocument(value, MediaType.ociIndex);
}
