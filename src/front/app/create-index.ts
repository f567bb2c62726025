/** One index over images for several platforms. */
import { VarveError } from "#errors";
import { draftOf, type Image } from "#image";
import {
  type Descriptor,
  type Digest,
  encodeDocument,
  formatPlatform,
  type ImageIndex,
  MediaType,
  type Platform,
} from "#oci";
import type { CopyOptions } from "./copy.ts";
import { operate } from "./machine.ts";
import { described, openTargets, type Target, type Written, writeTo } from "./places.ts";

/** An index as it was written. */
export interface WrittenIndex {
  /** The place, as people call it. */
  readonly destination: string;
  /** Of the index: OCI image specification, image-index.md. */
  readonly digest: Digest;
  /** The images that it names, with their platforms. */
  readonly manifests: readonly Descriptor[];
  /** The same images as they were written, in the same order. */
  readonly images: readonly Written[];
}

/**
 * Copies images for several platforms to one place, and writes an index over them there.
 * @param to - a registry or an OCI layout
 * @param from - where the images are, one for each platform
 * @throws VarveError `USAGE` for a place that holds no index, or two images for one platform; what copying throws
 */
export async function createIndex(
  to: Target,
  from: readonly string[],
  options: CopyOptions = {},
): Promise<WrittenIndex> {
  return await operate(options, async (operation) => {
    const { machine, read, signal } = operation;
    const sinks = await openTargets([to], machine);
    const sink = sinks[0]!;
    if (sink.writeIndex === undefined) {
      throw new VarveError("USAGE", `${sink.name} can't hold an index; write to a registry or an OCI layout`);
    }
    const manifests: Descriptor[] = [];
    const images: Written[] = [];
    for (const place of from) {
      await using source = await machine.transports.source(place);
      const image = await source.read(read);
      const platform = platformOf(image);
      refuseTwice(manifests, platform);
      const [written] = await writeTo(draftOf(image), { sinks, operation, options, untagged: true });
      manifests.push({ ...written!.descriptor, platform });
      images.push(described(written!));
    }
    const value: ImageIndex = { schemaVersion: 2, mediaType: MediaType.ociIndex, manifests };
    const index = encodeDocument(value, MediaType.ociIndex);
    await sink.writeIndex(index, { signal });
    return { destination: sink.name, digest: index.descriptor.digest, manifests, images };
  });
}

function platformOf({ config }: Image): Platform {
  const { os, architecture, variant } = config.value;
  return { os, architecture, ...(variant ? { variant } : {}) };
}

function refuseTwice(manifests: readonly Descriptor[], platform: Platform): void {
  const name = formatPlatform(platform);
  if (manifests.some((manifest) => formatPlatform(manifest.platform!) === name)) {
    throw new VarveError("USAGE", `two of the images are for ${name}; an index has one for each platform`);
  }
}
