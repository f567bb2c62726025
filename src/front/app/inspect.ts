/** Reports what an image's documents say. */
import { componentSummaries, type Image } from "#image";
import { type Descriptor, type Digest, formatPlatform, type ImageIndex, type Platform } from "#oci";
import { type OperationOptions, operate } from "./machine.ts";

/** What an image's documents say. */
export interface ImageDescription {
  /** The names that it has there. */
  readonly names: readonly string[];
  /** Of its manifest; undefined where a place has none, as docker-archives. */
  readonly digest: Digest | undefined;
  /** Of its config: the image's ID. */
  readonly config: Digest;
  /** What it runs on. */
  readonly platform: Platform;
  /** The index that it was chosen from, and the platforms that this has images for. */
  readonly index?: { readonly digest: Digest; readonly platforms: readonly string[] };
  /** When it says that it was made. */
  readonly created: string | undefined;
  /** From the bottom up, as they are stored there; `size` is that of the blob, in bytes. */
  readonly layers: readonly (Descriptor & {
    readonly diffId: Digest;
    /** The ids of its components; none where the image only counts them. */
    readonly components: readonly string[];
    /** How many components it has, as far as the image says. */
    readonly count: number;
    /** One of them. */
    readonly example?: string;
  })[];
}

/** An image's documents as they are, byte for byte. */
export interface ImageDocuments {
  readonly manifest: Uint8Array | undefined;
  readonly index: Uint8Array | undefined;
  readonly config: Uint8Array;
}

/** An image that was looked at. */
export interface InspectedImage {
  /** Where it is, as people call it. */
  readonly source: string;
  /** What they say. */
  readonly description: ImageDescription;
  /** The documents themselves. */
  readonly documents: ImageDocuments;
}

/**
 * Looks at an image. None of its layers is read.
 * @param from - its place
 * @throws VarveError what opening the image and reading its documents throws
 */
export async function inspect(from: string, options: OperationOptions = {}): Promise<InspectedImage> {
  return await operate(options, async ({ machine, read }) => {
    await using source = await machine.transports.source(from);
    const image = await source.read(read);
    const { manifest, index, config } = image;
    return {
      source: source.name,
      description: describe(image),
      documents: { manifest: manifest?.bytes, index: index?.bytes, config: config.bytes },
    };
  });
}

function describe(image: Image): ImageDescription {
  const { names, manifest, index, config, layers } = image;
  const summaries = componentSummaries(image);
  const { os, architecture, variant, created } = config.value;
  return {
    names,
    digest: manifest?.descriptor.digest,
    config: config.descriptor.digest,
    platform: { os, architecture, ...(variant && { variant }) },
    ...(index !== undefined && {
      index: { digest: index.descriptor.digest, platforms: platformsOf(index.value) },
    }),
    created: created ?? undefined,
    layers: layers.map(({ descriptor, diffId, components }, at) => {
      const { count, example } = summaries[at]!;
      return { ...descriptor, diffId, components, count, ...(example !== undefined && { example }) };
    }),
  };
}

/** The platforms that an index says it has images for. */
function platformsOf({ manifests }: ImageIndex): string[] {
  const platforms = manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
  // Builders put their attestations into the index like images for a platform.
  return platforms.filter(({ os }) => os !== "unknown").map(formatPlatform);
}
