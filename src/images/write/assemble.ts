import { VarveError } from "#errors";
import type { Image, Layer } from "#image";
import { componentsOf } from "#image";
import {
  algorithmOf,
  type Descriptor,
  formatPlatform,
  type ImageConfig,
  type ImageIndex,
  layerCompression,
  type Manifest,
  matchPlatform,
  type Platform,
  parseImageConfig,
  type RawDocument,
} from "#oci";
import type { ByteSource } from "#util";

export interface ImageParts {
  readonly manifest: RawDocument<Manifest>;
  /** The index that the manifest was chosen from, if there was one. */
  readonly index?: RawDocument<ImageIndex> | undefined;
  /** The config's bytes; checked against the manifest's descriptor already. */
  readonly config: Uint8Array;
  /** Opens a layer's blob, which checks its bytes as they pass. */
  readonly blob: (descriptor: Descriptor) => ByteSource;
  readonly names: readonly string[];
  /** Names the image in errors. */
  readonly what: string;
  /** The repository of a registry that the blobs are in. */
  readonly origin?: Layer["origin"];
}

/**
 * An image from its manifest and config, which must agree on how many layers there are.
 * @throws VarveError `INVALID_MANIFEST`, `INVALID_DIGEST`, `INVALID_JSON`
 */
export function assembleImage(parts: ImageParts): Image {
  const { manifest, index, config, blob, names, what, origin } = parts;
  const document = parseImageConfig(config, {
    what: `the config of ${what}`,
    mediaType: manifest.value.config.mediaType,
    digest: manifest.value.config.digest,
  });
  const descriptors = manifest.value.layers;
  const diffIds = document.value.rootfs.diff_ids;
  if (diffIds.length !== descriptors.length) {
    throw new VarveError(
      "INVALID_MANIFEST",
      `${what} has ${descriptors.length} layers, but its config has ${diffIds.length} diff IDs`,
    );
  }
  for (const [index, { mediaType, digest }] of descriptors.entries()) {
    const diffId = diffIds[index]!;
    if (layerCompression(mediaType) !== "none" || digest === diffId) continue;
    // Digests of two algorithms can't be compared, so both are checked when the layer is read.
    if (algorithmOf(digest) !== algorithmOf(diffId)) continue;
    throw new VarveError(
      "INVALID_MANIFEST",
      `${what} has an uncompressed layer ${digest}, but its config has the diff ID ${diffId} for it`,
    );
  }
  const comments = layerComments(document.value);
  const layers = descriptors.map((descriptor, index): Layer => {
    const source = blob(descriptor);
    return {
      descriptor,
      diffId: diffIds[index]!,
      components: componentsOf(comments[index]),
      open: (signal) => source.open(signal),
      keep: true,
      ...(origin === undefined ? {} : { origin }),
    };
  });
  return { manifest, config: document, layers, names, ...(index === undefined ? {} : { index }) };
}

/** The history comments of a config's layers, from the bottom up; those of steps without a layer left out. */
export function layerComments(config: ImageConfig): (string | null | undefined)[] {
  return (config.history ?? []).filter((entry) => entry.empty_layer !== true).map((entry) => entry.comment);
}

/**
 * Checks that a single image is for the platform that the user asked for.
 * @throws VarveError `IMAGE_NOT_FOUND`
 */
export function checkPlatform(image: Image, { platform, what }: { platform: Platform; what: string }): void {
  const { os, architecture, variant } = image.config.value;
  const offered: Platform = { os, architecture, ...(variant ? { variant } : {}) };
  if (matchPlatform(platform, offered) === undefined) {
    throw new VarveError(
      "IMAGE_NOT_FOUND",
      `${what} is for ${formatPlatform(offered)} only, not for ${formatPlatform(platform)}`,
    );
  }
}
