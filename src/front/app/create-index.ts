/** One index over images for several platforms. */
import { VarveError } from "#errors";
import { draftOf, type Image, type ImageSource } from "#image";
import { type Descriptor, formatPlatform, isAttestation, isIndexType, type Platform } from "#oci";
import type { WrittenImage } from "#write";
import type { CopyOptions } from "./copy.ts";
import { openIndexPlace, type WrittenIndex } from "./index-places.ts";
import { type Operation, operate } from "./machine.ts";
import { described, type Target, type Written, writeTo } from "./places.ts";

/** How an index is made. */
export interface CreateIndexOptions extends CopyOptions {
  /** Annotations of the index. */
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/**
 * Copies images for several platforms to one place, and writes an index over them there. Of an index all images are taken,
 * unless a platform is asked for; what it says of them, such as BuildKit's attestations, is kept as long as they stay what they are.
 * @param to - a registry, an OCI layout or an archive of one
 * @param from - where the images are, one for each platform, or indexes
 * @throws VarveError `USAGE` for a place that holds no index, or two images for one platform; what copying throws
 */
export async function createIndex(
  to: Target,
  from: readonly string[],
  { annotations, ...options }: CreateIndexOptions = {},
): Promise<WrittenIndex> {
  return await operate(options, async (operation) => {
    await using place = await openIndexPlace(to, operation);
    const copy = async (image: Image): Promise<WrittenImage> => {
      const [written] = await writeTo(draftOf(image), {
        sinks: [place.sink],
        operation,
        options,
        untagged: true,
      });
      return written!;
    };
    const manifests: Descriptor[] = [];
    const copied: Written[] = [];
    for (const name of from) {
      await using source = await operation.machine.transports.source(name);
      const { images, attestations } = await entriesOf(source, operation);
      for (const { image, platform } of images) {
        refuseTwice(manifests, platform);
        const written = await copy(image);
        manifests.push({ ...written.descriptor, platform });
        copied.push(described(written));
      }
      for (const entry of attestations) {
        // What was said of other bytes is said of none of these.
        if (!manifests.some(({ digest }) => digest === entry.annotations?.[SUBJECT])) continue;
        const { digest } = (await copy(await source.readEntry!(entry, operation.signal))).descriptor;
        if (digest === entry.digest) manifests.push(entry);
      }
    }
    return await place.finish({ manifests, images: copied, annotations });
  });
}

/** Which image an entry is about: BuildKit's "Image attestation storage". */
const SUBJECT = "vnd.docker.reference.digest";

interface Entries {
  readonly images: readonly { readonly image: Image; readonly platform: Platform }[];
  readonly attestations: readonly Descriptor[];
}

/** What of a source is taken: the image for the platform that was asked for, or all images. */
async function entriesOf(source: ImageSource, { read }: Operation): Promise<Entries> {
  const image = await source.read(read);
  const entries = image.index?.value.manifests ?? [];
  if (read.strict === true || source.readEntry === undefined || entries.length === 0) {
    return { images: [{ image, platform: platformOf(image) }], attestations: entries.filter(isAttestation) };
  }
  const images: { image: Image; platform: Platform }[] = [];
  for (const entry of entries) {
    if (isAttestation(entry)) continue;
    if (isIndexType(entry.mediaType)) {
      throw new VarveError(
        "USAGE",
        `${source.name} has an index in its index; name its images one by one, or one platform with --platform`,
      );
    }
    const each = await source.readEntry(entry, read.signal);
    images.push({ image: each, platform: entry.platform ?? platformOf(each) });
  }
  return { images, attestations: entries.filter(isAttestation) };
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
