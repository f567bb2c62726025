import {
  type Descriptor,
  encodeDocument,
  type ImageConfig,
  type ImageIndex,
  type Manifest,
  MediaType,
  type RawDocument,
  toOciMediaType,
} from "#oci";
import type { Layer, UnmeasuredLayer } from "./layer.ts";

/** An image that is known whole: OCI image specification, manifest.md and config.md. */
export interface Image {
  /** Absent where an image comes without one: a docker-archive, the Docker daemon. */
  readonly manifest?: RawDocument<Manifest>;
  readonly config: RawDocument<ImageConfig>;
  /** The index that it was chosen from for its platform; absent where there was no choice. */
  readonly index?: RawDocument<ImageIndex>;
  /** From the bottom up; one for each diff ID of the config. */
  readonly layers: readonly Layer[];
  /** The names that the image has where it comes from, such as `docker.io/library/busybox:1`. */
  readonly names: readonly string[];
}

/**
 * An image whose layers are still being made. What writes it takes the layers one by one, as they get known, and
 * asks for the rest when it has them all.
 */
export interface ImageDraft {
  /** The layers from the bottom up. */
  layers(signal?: AbortSignal): AsyncIterable<Layer>;
  /**
   * The same layers, those that nobody knows not yet measured: read once by who stores them, instead of once to be
   * measured and once to be stored. Absent where all layers are known.
   */
  unmeasuredLayers?(signal?: AbortSignal): AsyncIterable<Layer | UnmeasuredLayer>;
  /** The config and all else over these layers. */
  finish(layers: readonly Pick<Layer, "diffId" | "components">[]): FinishedDraft;
}

/** What a draft says once its layers are known. */
export interface FinishedDraft {
  readonly config: RawDocument<ImageConfig>;
  readonly names: readonly string[];
  /** The manifest, for an image that has one already and wants to keep it where its layers are kept. */
  readonly manifest?: RawDocument<Manifest>;
  /** Annotations for a manifest that is made anew. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A finished image as a draft, for what takes drafts. */
export function draftOf(image: Image): ImageDraft {
  return {
    async *layers() {
      yield* image.layers;
    },
    finish: () => image,
  };
}

export interface NewManifest {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** An OCI manifest: OCI image specification, manifest.md. Blobs that had Docker's media types get OCI's; they are the same. */
export function newManifest({ config, layers, annotations }: NewManifest): RawDocument<Manifest> {
  const value: Manifest = {
    schemaVersion: 2,
    mediaType: MediaType.ociManifest,
    config: withOciType(config),
    layers: layers.map(withOciType),
    ...(annotations === undefined || Object.keys(annotations).length === 0 ? {} : { annotations }),
  };
  return encodeDocument(value, MediaType.ociManifest);
}

/** The fields are in one order, whoever made the descriptor: a manifest's digest is of its bytes. */
function withOciType({ mediaType, digest, size, ...others }: Descriptor): Descriptor {
  return { mediaType: toOciMediaType(mediaType), digest, size, ...others };
}
