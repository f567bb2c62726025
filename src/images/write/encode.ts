import { type CompressionChoice, compress } from "#compress";
import type { Layer, UnmeasuredLayer } from "#image";
import { layerCompression, layerMediaType } from "#oci";
import type { ByteSource } from "#util";

/** How places compress layers by default, in a form that every reader can read. */
export const DEFAULT_COMPRESSION: CompressionChoice = { algorithm: "gzip" };

/** A layer in the form in which a sink stores it. */
export interface EncodedLayer extends ByteSource {
  readonly mediaType: string;
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
  return {
    mediaType: layerMediaType(choice.algorithm),
    open: (signal) => compress(layer.open(signal), choice),
  };
}
