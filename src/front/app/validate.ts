/** Checks a whole image. */
import type { Digest } from "#oci";
import { validateImage } from "#write";
import { type OperationOptions, operate } from "./machine.ts";

/** A valid layer. */
export interface SoundLayer {
  /** Of the blob, as it is stored. */
  readonly digest: Digest;
  /** Of the uncompressed archive. */
  readonly diffId: Digest;
  /** Bytes of the uncompressed archive. */
  readonly size: number;
  /** How many entries the archive has. */
  readonly entries: number;
}

/** A valid image. */
export interface SoundImage {
  /** Where it is, as people call it. */
  readonly source: string;
  /** The manifest's digest; undefined where a place has none. */
  readonly manifest: Digest | undefined;
  /** The config's digest. */
  readonly config: Digest;
  readonly layers: readonly SoundLayer[];
}

/**
 * Reads all of an image, and checks every digest, size and archive in it.
 * @param from - the image's place
 * @throws VarveError with the first fault, and what opening the image throws
 */
export async function validate(from: string, options: OperationOptions = {}): Promise<SoundImage> {
  return await operate(options, async ({ machine, read, signal }) => {
    await using source = await machine.transports.source(from);
    const image = await source.read(read);
    const layers: SoundLayer[] = [];
    for await (const { layer, size, entries } of validateImage(image, { signal })) {
      layers.push({ digest: layer.descriptor.digest, diffId: layer.diffId, size, entries });
    }
    const { manifest, config } = image;
    return {
      source: source.name,
      manifest: manifest?.descriptor.digest,
      config: config.descriptor.digest,
      layers,
    };
  });
}
