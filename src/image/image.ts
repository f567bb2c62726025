import {
  encodeDocument,
  type ImageConfig,
  type Manifest,
  MediaType,
  type RawDocument,
} from "../oci/index.ts";
import type { Layer } from "./layer.ts";

/** An image that is known whole: OCI image specification, manifest.md and config.md. */
export interface Image {
  readonly manifest: RawDocument<Manifest>;
  readonly config: RawDocument<ImageConfig>;
  /** From the bottom up; one for each diff ID of the config. */
  readonly layers: readonly Layer[];
}

/**
 * An image whose layers are still being made. What writes it takes the layers one by one, as they get known, and
 * asks for the config when it has them all.
 */
export interface ImageDraft {
  /** The layers from the bottom up. */
  layers(signal?: AbortSignal): AsyncIterable<Layer>;
  /** The config over these layers. */
  config(layers: readonly Pick<Layer, "diffId" | "components">[]): RawDocument<ImageConfig>;
}

/** A finished image as a draft, for what takes drafts. */
export function draftOf(image: Image): ImageDraft {
  return {
    async *layers() {
      yield* image.layers;
    },
    config: () => image.config,
  };
}

/** An image from its parts, with an OCI manifest made for it. */
export function imageOf(config: RawDocument<ImageConfig>, layers: readonly Layer[]): Image {
  const manifest: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: config.descriptor,
    layers: layers.map((layer) => layer.descriptor),
  };
  return { manifest: encodeDocument(manifest, MediaType.ociManifest), config, layers };
}
