/** Writes OCI image layouts as tar archives, in one stream. */
import type { CompressionChoice } from "#compress";
import type { Layer } from "#image";
import {
  type Descriptor,
  type Digest,
  Digester,
  encodeDocument,
  hashed,
  isForeignLayer,
  MediaType,
} from "#oci";
import { fileEntry, fileMember, type TarInputMember, writeTar } from "#tar";
import { DEFAULT_COMPRESSION, encodeLayer, type ImageSink, type StoredLayer } from "#write";
import type { ArchiveOutput } from "../archive-output.ts";
import { readRange } from "../file-bytes.ts";
import { spool } from "../spool.ts";
import { type ArchiveInput, streamedWriter } from "../streamed-writer.ts";
import { blobPath } from "./blobs.ts";
import { emptyIndex, entriesFor, platformOf, withEntries } from "./index-entries.ts";
import { INDEX_FILE, MARKER, MARKER_FILE } from "./read.ts";

/** Where an archive of a layout goes, and the image's name in it. */
export interface OciArchiveSinkOptions {
  readonly output: ArchiveOutput;
  /** The image's name in the index; by default the tags of the names it comes with. */
  readonly tag?: string | undefined;
}

/**
 * Writes an archive of a layout with one image: `oci-layout`, the layers from the bottom up, the config, the manifest,
 * `index.json`. Nothing in it depends on when or where it is written. Layers that are being compressed are kept in a
 * temporary file, one at a time, since in an archive a file's length comes before its content.
 */
export function ociArchiveSink({ output, tag }: OciArchiveSinkOptions): ImageSink {
  return {
    name: `oci-archive:${output.name}${tag === undefined ? "" : `:${tag}`}`,
    parallel: 1,
    async open({ compression = DEFAULT_COMPRESSION, signal }) {
      return streamedWriter({
        archive: (input) => writeTar(members(input, { tag, compression, signal })),
        output,
        signal,
        describe: (image) => image.manifest.descriptor,
      });
    },
  };
}

interface ArchiveOptions {
  readonly tag: string | undefined;
  readonly compression: CompressionChoice;
  readonly signal: AbortSignal | undefined;
}

async function* members(
  { layers, finished }: ArchiveInput,
  { tag, compression, signal }: ArchiveOptions,
): AsyncGenerator<TarInputMember, void, void> {
  yield fileMember(MARKER_FILE, MARKER);
  const archived = new Map<Digest, Descriptor>();
  const names = new Set<string>();
  for await (const { layer, stored } of layers) {
    const same = archived.get(layer.descriptor.digest);
    if (same !== undefined || isForeignLayer(layer.descriptor.mediaType)) {
      stored({ descriptor: same ?? layer.descriptor, outcome: "present" });
      continue;
    }
    const result = yield* layerMember(layer, { names, compression, signal });
    archived.set(layer.descriptor.digest, result.descriptor);
    stored(result);
  }
  const { config, manifest, names: imageNames } = await finished();
  for (const { bytes, descriptor } of [config, manifest]) {
    const name = blobPath(descriptor);
    if (!names.has(name)) yield fileMember(name, bytes);
    names.add(name);
  }
  const platform = platformOf(config.value);
  const entries = entriesFor(manifest.descriptor, { tag, names: imageNames, platform });
  yield fileMember(INDEX_FILE, encodeDocument(withEntries(emptyIndex(), entries), MediaType.ociIndex).bytes);
}

interface LayerOptions extends Omit<ArchiveOptions, "tag"> {
  /** The names in the archive so far. */
  readonly names: Set<string>;
}

/** A layer's blob as a member of an archive; returns its descriptor for the manifest. */
export async function* layerMember(
  layer: Layer,
  { names, compression, signal }: LayerOptions,
): AsyncGenerator<TarInputMember, StoredLayer, void> {
  const encoded = encodeLayer(layer, compression);
  if (encoded === undefined) {
    const name = blobPath(layer.descriptor);
    names.add(name);
    yield { entry: fileEntry(name, layer.descriptor), content: layer.open(signal) };
    return { descriptor: layer.descriptor, outcome: "written" };
  }
  const digester = new Digester();
  const { file, size } = await spool(hashed(encoded.open(signal), digester));
  try {
    const descriptor = encoded.describe({ digest: digester.digest(), size });
    const name = blobPath(descriptor);
    const present = names.has(name);
    names.add(name);
    const content = readRange(file, { offset: 0, size, path: "a temporary file", signal });
    if (!present) yield { entry: fileEntry(name, { size }), content };
    return { descriptor, outcome: present ? "present" : "written" };
  } finally {
    await file.close();
  }
}
