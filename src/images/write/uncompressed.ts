import { decompress } from "#compress";
import { VarveError } from "#errors";
import type { Layer } from "#image";
import { algorithmOf, identify, layerCompression, MediaType } from "#oci";
import { verified } from "./verify.ts";

/**
 * The same layer without its compression, described by its diff ID. A compressed layer is read once for
 * that, since its uncompressed size isn't known.
 * @param what names the layer in errors
 * @throws VarveError `DIGEST_MISMATCH` if it isn't what its diff ID says; `INVALID_IMAGE`
 */
export async function uncompressedLayer(layer: Layer, what: string): Promise<Layer> {
  const { mediaType } = layer.descriptor;
  const algorithm = layerCompression(mediaType);
  if (algorithm === "none" && layer.descriptor.digest === layer.diffId) return layer;
  if (algorithm === undefined) {
    throw new VarveError(
      "UNSUPPORTED_COMPRESSION",
      `${what} has the media type ${mediaType}, which is no layer's that varve reads`,
    );
  }
  const open = (signal?: AbortSignal) => decompress(layer.open(signal), { algorithm, what });
  const { digest, size } = await identify(open(), algorithmOf(layer.diffId));
  if (digest !== layer.diffId) {
    throw new VarveError(
      "DIGEST_MISMATCH",
      `${what} should have the diff ID ${layer.diffId}, but has ${digest}`,
    );
  }
  const descriptor = { mediaType: MediaType.ociLayer, digest, size };
  return {
    descriptor,
    diffId: layer.diffId,
    components: layer.components,
    open: (signal) => verified(open(signal), descriptor, what),
  };
}
