/** Builds a spec's image for several platforms, and an index over them. */
import { VarveError } from "#errors";
import { type Descriptor, type Digest, formatPlatform, hexOf, parsePlatform } from "#oci";
import type { ImageSpecInput } from "#spec";
import { Resources } from "#util";
import type { WrittenImage } from "#write";
import { type AttachedDocument, attachDocuments, checkIndexable } from "./attest/attach.ts";
import { type ImageDocument, wantsDocuments } from "./attest/wanted.ts";
import { type BuildOptions, type BuiltImage, buildOne, noPlace, type OneBuilt } from "./build.ts";
import { destinationOf } from "./destination.ts";
import { type IndexPlace, openIndexPlace, type WrittenIndex } from "./index-places.ts";
import { operate, operationFor } from "./machine.ts";
import { outputPaths } from "./places.ts";
import { pullCaches, pushCaches } from "./shared-cache.ts";
import { builtSigner } from "./signatures/doors.ts";
import { openSource, type SourceListener, type SpecSource } from "./source.ts";

/** How images for several platforms are built. */
export interface BuildIndexOptions extends Omit<BuildOptions, "platform"> {
  /** Such as `linux/amd64` and `linux/arm64`; there is one image for each. */
  readonly platforms: readonly string[];
  /** Whether what is written down of the images is in the index, too, as BuildKit has it and Docker Scout reads it. */
  readonly attestIndex?: boolean | undefined;
  /** Told before the image for a platform is made. */
  readonly onPlatform?: ((platform: string) => void) | undefined;
}

/** An index, and the images that it names. */
export interface BuiltIndex {
  /** Of the index, the same at each place unless they compress differently. */
  readonly digest: Digest;
  /** The index at each place, in their order. */
  readonly places: readonly WrittenIndex[];
  /** The images, in the order of the platforms that were asked for. */
  readonly images: readonly BuiltPlatform[];
  /** The signatures of the index and of the images, and what is attested of these. */
  readonly signed: readonly AttachedDocument[];
}

/** One of the images that an index names. */
export interface BuiltPlatform extends BuiltImage {
  readonly platform: string;
}

/** How many digits of the index's digest become the tag of one that was given none. */
const DERIVED_TAG_LENGTH = 32;

/**
 * Builds the image that a spec asks for, for each of several platforms, and writes an index over them to all places.
 * @param spec - the path of a spec or of a project's folder, or a spec whose paths are relative to the working directory
 * @throws VarveError as `build`, and `USAGE` for a platform that is there twice or a place that can't hold an index; the places
 *   then have no index that wasn't there
 */
export async function buildIndex(
  spec: string | ImageSpecInput,
  options: BuildIndexOptions,
): Promise<BuiltIndex> {
  return await operate(options, async ({ machine, signal }) =>
    buildIndexFrom(await openSource(spec, { machine, signal }), { ...options, machine }),
  );
}

/**
 * As {@link buildIndex}, of a spec that was read: its image for each platform, one after the other, and an index over them. The
 * components that are the same in all of them are in the same layers, as far as these are worth keeping, and such layers are made
 * once. Each image is looked at before it is written, and what is told of several in the same words is told once.
 * @throws VarveError as `buildIndex`; nothing is named before all of it is there
 */
export async function buildIndexFrom(source: SpecSource, options: BuildIndexOptions): Promise<BuiltIndex> {
  const { to, writtenMeanwhile = [], platforms, cacheFrom = [], cacheTo = [], onNote, onPlatform } = options;
  if (to.length === 0) throw noPlace();
  const names = platformNames(platforms);
  const destination = destinationOf(source.spec, to);
  const given = { ...options, ...toldOnce(options) };
  return await operate(options, async (operation) => {
    await using opened = new Resources();
    const isIndexed = options.attestIndex === true && wantsDocuments(options);
    if (isIndexed) for (const target of to) await checkIndexable(target);
    const signer = await builtSigner({ ...options, operation });
    const places: IndexPlace[] = [];
    for (const target of to) places.push(opened.use(await openIndexPlace(target, operation)));
    const outputs = [...(await outputPaths(to)), ...writtenMeanwhile];
    await pullCaches(cacheFrom, { ...options, ...operation });
    const sinks = places.map(({ sink }) => sink);
    const images: (OneBuilt & { readonly platform: string })[] = [];
    for (const platform of names) {
      onPlatform?.(platform);
      const built = await buildOne(source, {
        sinks,
        outputs,
        operation: operationFor(operation, platform),
        options: given,
        destination,
        platform,
        likeLayout: images[0]?.layout,
      });
      images.push({ ...built, platform });
    }
    const written: WrittenIndex[] = [];
    for (const [at, place] of places.entries()) {
      const manifests = images.map(({ platform, written }) => entryOf(written[at]!, platform));
      const indexed = images.map(({ image, written }) => indexedImage(written[at]!, image.documents));
      const indexing = isIndexed ? await import("./attest/index-entries.ts") : undefined;
      const entries = (await indexing?.indexEntries(indexed, { target: to[at]!, operation })) ?? [];
      written.push(
        await place.finish({
          manifests: [...manifests, ...entries],
          images: images.map(({ image }) => image.places[at]!),
          names: indexNames(images[0]!.written[at]!, manifests),
        }),
      );
    }
    const built: BuiltPlatform[] = [];
    for (const { platform, image, written } of images) {
      const attached = await attachDocuments(image.documents, written, { ...given, operation });
      built.push({ platform, ...image, attached });
    }
    const signed: AttachedDocument[] = [];
    for (const [at, place] of places.entries()) {
      const each = images.map(({ image: { documents }, written }) => {
        return { subject: written[at]!.descriptor, documents };
      });
      signed.push(...(await signer.sign(at, [...each, { subject: place.descriptor() }])));
    }
    await pushCaches(cacheTo, { ...operation, onNote });
    return { digest: written[0]!.digest, places: written, images: built, signed };
  });
}

/** Listeners that don't hear the same again of another platform's image. */
function toldOnce({ onNote, onDerived, onLeftOut }: SourceListener): SourceListener {
  const once = <T>(listener: ((said: T) => void) | undefined) => {
    const told = new Set<string>();
    return (
      listener &&
      ((said: T) => {
        const words = JSON.stringify(said);
        if (told.has(words)) return;
        told.add(words);
        listener(said);
      })
    );
  };
  return { onNote: once(onNote), onDerived: once(onDerived), onLeftOut: once(onLeftOut) };
}

function platformNames(platforms: readonly string[]): string[] {
  const names = platforms.map((text) => formatPlatform(parsePlatform(text)));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return names;
  throw new VarveError("USAGE", `the platforms have ${twice} twice; an index has one image for each`);
}

function entryOf({ descriptor }: WrittenImage, platform: string): Descriptor {
  const { mediaType, digest, size } = descriptor;
  return { mediaType, digest, size, platform: parsePlatform(platform) };
}

function indexedImage({ descriptor, names }: WrittenImage, documents: readonly ImageDocument[]) {
  const own = documents.filter(({ subject }) => subject === descriptor.digest);
  return { subject: descriptor, name: names[0] ?? "image", documents: own };
}

/** The names of the images, which follow from the index where they would follow from the image. */
function indexNames({ names, config }: WrittenImage, manifests: readonly Descriptor[]): string[] {
  const derived = hexOf(config.digest).slice(0, DERIVED_TAG_LENGTH);
  const own = hexOf(manifests[0]!.digest).slice(0, DERIVED_TAG_LENGTH);
  return names.map((name) => (name.endsWith(`:${derived}`) ? name.replace(derived, own) : name));
}
