import type { CompressionChoice } from "#compress";
import type { Image, ImageDraft } from "#image";
import { layerCompression } from "#oci";
import { uncompressedLayer } from "./uncompressed.ts";

/**
 * The same image, but layers that are compressed in another way than chosen come uncompressed, so that a sink compresses them
 * again. These layers are read once more for that.
 */
export function transcoded(image: Image, { algorithm }: CompressionChoice): ImageDraft {
  return {
    async *layers() {
      for (const [index, layer] of image.layers.entries()) {
        const asWanted = layerCompression(layer.descriptor.mediaType) === algorithm;
        if (asWanted) yield layer;
        else yield { ...(await uncompressedLayer(layer, `layer ${index + 1}`)), keep: false };
      }
    },
    finish: () => image,
  };
}
