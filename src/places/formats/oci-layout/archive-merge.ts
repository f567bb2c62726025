import { type Image, newManifest } from "#image";
import { type Descriptor, type Digest, encodeDocument, isForeignLayer, MediaType } from "#oci";
import { fileMember, type TarInputMember, writeTar } from "#tar";
import { DEFAULT_COMPRESSION } from "#write";
import { checkNames, type MergeOptions } from "../docker-archive/merge.ts";
import { layerMember } from "./archive-write.ts";
import { blobPath } from "./blobs.ts";
import { emptyIndex, entriesFor, platformOf, withEntries } from "./index-entries.ts";
import { INDEX_FILE, MARKER, MARKER_FILE } from "./read.ts";

/**
 * The bytes of an archive of a layout with several images, in their order. A blob that several images have is in it once, and
 * a manifest stays as it is if its layers do. The index has the images' full names, since tags alone can't distinguish
 * several images. Nothing in it depends on when or where it is written.
 * @throws VarveError `USAGE` for two images of one name; and what reading the layers throws
 */
export async function* mergedOciArchive(
  images: readonly Image[],
  options: MergeOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  checkNames(images);
  yield* writeTar(members(images, options));
}

async function* members(
  images: readonly Image[],
  { onLayer, signal }: MergeOptions,
): AsyncGenerator<TarInputMember, void, void> {
  yield fileMember(MARKER_FILE, MARKER);
  const archived = new Map<Digest, Descriptor>();
  const names = new Set<string>();
  let index = emptyIndex();
  for (const [at, image] of images.entries()) {
    const layers: Descriptor[] = [];
    for (const [position, layer] of image.layers.entries()) {
      const { descriptor } = layer;
      let stored = archived.get(descriptor.digest);
      if (isForeignLayer(descriptor.mediaType)) stored = descriptor;
      const shared = stored !== undefined;
      stored ??= (yield* layerMember(layer, { names, compression: DEFAULT_COMPRESSION, signal })).descriptor;
      archived.set(descriptor.digest, stored);
      layers.push(stored);
      onLayer?.(layer, { image: at, index: position, shared });
    }
    const manifest = manifestOf(image, layers);
    for (const { bytes, descriptor } of [image.config, manifest]) {
      const name = blobPath(descriptor);
      if (!names.has(name)) yield fileMember(name, bytes);
      names.add(name);
    }
    const platform = platformOf(image.config.value);
    for (const tag of image.names.length === 0 ? [undefined] : image.names) {
      index = withEntries(index, entriesFor(manifest.descriptor, { tag, names: [], platform }));
    }
  }
  yield fileMember(INDEX_FILE, encodeDocument(index, MediaType.ociIndex).bytes);
}

/** The image's own manifest, if it is still right. */
function manifestOf({ manifest, config }: Image, layers: readonly Descriptor[]) {
  const kept =
    manifest?.value.layers.length === layers.length &&
    manifest.value.layers.every((layer, at) => layer.digest === layers[at]!.digest);
  if (kept) return manifest;
  const annotations = manifest?.value.annotations;
  return newManifest({ config: config.descriptor, layers, annotations });
}
