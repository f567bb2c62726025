import { decompress } from "#compress";
import { VarveError } from "#errors";
import type { Image, Layer } from "#image";
import { algorithmOf, Digester, hashed, layerCompression } from "#oci";
import { readLayerTar, streamInput } from "#tar";
import { SeenPaths } from "./seen-paths.ts";

/** What was found in a valid layer. */
export interface ValidLayer {
  readonly layer: Layer;
  /** Bytes of the uncompressed archive. */
  readonly size: number;
  /** How many entries it has. */
  readonly entries: number;
}

/**
 * Reads a whole image and checks each layer: that its blob is what the manifest says, that uncompressed it is what the
 * config says, and that it is a sound tar archive with no path twice, which Docker refuses. Some hundred bytes are kept of
 * each entry of the layer that is being read.
 * @throws VarveError with the first fault; `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `INVALID_TAR`, `INVALID_IMAGE`, …
 */
export async function* validateImage(
  image: Image,
  { signal }: { signal?: AbortSignal | undefined } = {},
): AsyncGenerator<ValidLayer, void, void> {
  for (const [index, layer] of image.layers.entries()) {
    const what = `layer ${index + 1} (${layer.descriptor.digest})`;
    const algorithm = layerCompression(layer.descriptor.mediaType);
    if (algorithm === undefined) {
      throw new VarveError(
        "INVALID_MANIFEST",
        `${what} has the media type ${layer.descriptor.mediaType}, which is no layer's`,
      );
    }
    const digester = new Digester(algorithmOf(layer.diffId));
    const input = streamInput(hashed(decompress(layer.open(signal), { algorithm, what }), digester));
    let entries = 0;
    const seen = new SeenPaths();
    for await (const { entry } of readLayerTar(input, what)) {
      // Nothing is left of the root's name without its slash.
      const name = entry.name || "/";
      if (seen.add(name)) throw pathTwice(name, what);
      entries++;
    }
    // Whatever comes after the archive's end belongs to the digest, too.
    await input.drain();
    if (digester.digest() !== layer.diffId) {
      throw new VarveError(
        "DIGEST_MISMATCH",
        `${what} doesn't have the diff ID ${layer.diffId} when uncompressed`,
      );
    }
    yield { layer, size: digester.size, entries };
  }
}

function pathTwice(name: string, what: string): VarveError {
  return new VarveError(
    "INVALID_IMAGE",
    `${what} has the path ${name} twice, and Docker and podman refuse such a layer; build the image again`,
  );
}
