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
 * An image whose layers are still being made. The writer takes the layers one by one as they become known, and asks for the
 * rest when it has all of them.
 */
export interface ImageDraft {
  /** The layers from the bottom up. */
  layers(signal?: AbortSignal): AsyncIterable<Layer>;
  /**
   * The same layers, but those whose digest isn't known come unmeasured: then they are read only once, when they are stored,
   * instead of once to be measured and once to be stored. Absent if all layers are known.
   */
  unmeasuredLayers?(signal?: AbortSignal): AsyncIterable<Layer | UnmeasuredLayer>;
  /** The config, and everything else that depends on these layers. */
  finish(layers: readonly Pick<Layer, "diffId" | "components">[]): FinishedDraft;
}

/** What a draft says once its layers are known. */
export interface FinishedDraft {
  readonly config: RawDocument<ImageConfig>;
  readonly names: readonly string[];
  /** The manifest, for an image that has one already and wants to keep it where its layers are kept. */
  readonly manifest?: RawDocument<Manifest>;
  /** Annotations for a new manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A finished image in the form of a draft. */
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

/** The order of the fields is always the same, since a manifest's digest depends on it. */
function withOciType({ mediaType, digest, size, ...others }: Descriptor): Descriptor {
  return { mediaType: toOciMediaType(mediaType), digest, size, ...others };
}
