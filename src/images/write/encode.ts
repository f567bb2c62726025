import { type CompressionChoice, compress, formatOf } from "#compress";
import type { Layer, UnmeasuredLayer } from "#image";
import { type Descriptor, layerCompression, layerMediaType } from "#oci";
import type { ByteSource } from "#util";
import type { KnownBlob } from "./sink.ts";

/** How places compress layers by default, in a form that every reader can read. */
export const DEFAULT_COMPRESSION: CompressionChoice = { algorithm: "gzip" };

/** A layer in the form in which a sink stores it. */
export interface EncodedLayer extends ByteSource {
  /** What a manifest says of it: of a blob that was known before, or of the one that it was read as. */
  describe(blob: KnownBlob): Descriptor;
}

/**
 * How a layer is compressed on its way into a sink; undefined for one that is stored as it is, because it is compressed
 * already, isn't to be, or belongs to an image that is kept.
 */
export function encodeLayer(layer: Layer, choice: CompressionChoice): EncodedLayer | undefined {
  const plain = layerCompression(layer.descriptor.mediaType) === "none";
  if (!plain || layer.keep || choice.algorithm === "none") return undefined;
  return encodeUnmeasured(layer, choice);
}

/** How a layer that isn't known yet is compressed on its way into a sink, or not at all for `none`. */
export function encodeUnmeasured(
  layer: Pick<UnmeasuredLayer, "open">,
  choice: CompressionChoice,
): EncodedLayer {
  const mediaType = layerMediaType(formatOf(choice));
  let made: Descriptor["annotations"];
  return {
    describe: ({ digest, size, annotations = made }) => ({
      mediaType,
      digest,
      size,
      ...(annotations === undefined ? {} : { annotations }),
    }),
    open: (signal) =>
      compress(layer.open(signal), choice, (annotations) => {
        made = annotations;
      }),
  };
}
