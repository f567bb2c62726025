import { type CompressionChoice, isChunked } from "#compress";
import type { Image, ImageDraft } from "#image";
import { type Descriptor, layerCompression } from "#oci";
import { uncompressedLayer } from "./uncompressed.ts";

/**
 * The same image, but layers that are compressed in another way than chosen come uncompressed, so that a sink compresses them
 * again. These layers are read once more for that.
 */
export function transcoded(image: Image, { algorithm }: CompressionChoice): ImageDraft {
  return {
    async *layers() {
      for (const [index, layer] of image.layers.entries()) {
        if (isCompressed(layer.descriptor, algorithm)) yield layer;
        else yield { ...(await uncompressedLayer(layer, `layer ${index + 1}`)), keep: false };
      }
    },
    finish: () => image,
  };
}

/** Whether a layer is compressed as chosen. One that lists its files is zstd, too; by which library one is can't be seen. */
function isCompressed(descriptor: Descriptor, algorithm: CompressionChoice["algorithm"]): boolean {
  if (algorithm === "zstd:chunked") return isChunked(descriptor);
  if (algorithm === "zstd-pinned") return false;
  return layerCompression(descriptor.mediaType) === algorithm;
}
