/** Opens the images that a spec names, and tries again if the digest cache was wrong. */
import type { DigestCache } from "#cache";
import { VarveError } from "#errors";
import type { Image, KeptDocuments } from "#image";
import type { Digest } from "#oci";
import { hasLayout, isLayoutFile } from "#plan";
import { basePlace, DESTINATION, type ImageSpec } from "#spec";
import { Resources } from "#util";
import type { Machine, Operation } from "./machine.ts";
import { openImages } from "./open-images.ts";
import { openSigned } from "./signatures/doors.ts";
import type { SourceListener } from "./source.ts";

/** The name that Docker gives to no base at all; no registry has an image of this name. */
const NO_BASE = "scratch";

/** The images that a spec names; they can be read until it is disposed of. */
export interface SpecImages extends AsyncDisposable {
  /** That of `fromImage`. */
  readonly base: Image | undefined;
  /** That of `layersFrom`, unless it is a file with a layout. */
  readonly lastImage: Image | undefined;
  /** Those of `sharedWith`, by their places, unless these are files with layouts. */
  readonly sharedImages: ReadonlyMap<string, Image>;
}

/**
 * Opens the images that a spec names, for the spec's own architecture if it has one.
 * @throws VarveError what opening and reading them throws
 */
export async function openSpecImages(
  spec: Pick<ImageSpec, "fromImage" | "layersFrom" | "sharedWith" | "architecture">,
  { machine, read, signal }: Operation,
  {
    destination,
    onNote,
  }: { readonly destination?: string | undefined } & Pick<SourceListener, "onNote"> = {},
): Promise<SpecImages> {
  const { architecture = read.platform.architecture } = spec;
  const { place: named, verify } = basePlace(spec.fromImage);
  const fromImage = named === NO_BASE ? undefined : named;
  const documents = machine.cache && keptDocuments(machine.cache);
  const platform = { ...read.platform, architecture };
  const wanted = { machine, signal, read: { ...read, platform, documents } };
  await using resources = new Resources();
  const open = async (place: string): Promise<Image> => {
    if (machine.together !== undefined) return await machine.together.image(place, wanted);
    const opened = resources.use(await openImages([place], wanted));
    return opened.images[0]!;
  };
  const openBase = async (place: string): Promise<Image> => {
    const { source } = await openSigned(place, verify, wanted);
    return await resources.use(source).read(wanted.read);
  };
  const base =
    fromImage === undefined
      ? undefined
      : await openBase(fromImage).catch((error) => {
          throw baseError(fromImage, error);
        });
  const lastImage = await lastOf(spec, { open, destination, onNote });
  const sharedImages = new Map<string, Image>();
  for (const place of spec.sharedWith) {
    if (!(await isLayoutFile(place))) sharedImages.set(place, await open(place));
  }
  const all = resources.move();
  return { base, lastImage, sharedImages, [Symbol.asyncDispose]: () => all[Symbol.asyncDispose]() };
}

/** Keeps documents in the digest cache: an image that a spec names is read for each build. */
function keptDocuments(cache: DigestCache): KeptDocuments {
  const partsOf = (digest: Digest) => ["document", digest];
  return {
    get: (digest) => cache.facts(partsOf(digest)),
    put: (digest, bytes) => cache.putFacts(partsOf(digest), bytes),
  };
}

interface LastOptions extends Pick<SourceListener, "onNote"> {
  readonly open: (place: string) => Promise<Image>;
  readonly destination: string | undefined;
}

/** The image whose layout is kept to, unless a file has that. The first build that goes to its destination finds none there. */
async function lastOf(
  { layersFrom }: Pick<ImageSpec, "layersFrom">,
  { open, destination, onNote }: LastOptions,
): Promise<Image | undefined> {
  if (layersFrom !== DESTINATION) {
    return layersFrom === undefined || (await isLayoutFile(layersFrom)) ? undefined : await open(layersFrom);
  }
  if (destination === undefined) return undefined;
  try {
    const image = await open(destination);
    if (hasLayout(image)) return image;
    onNote?.(
      `${destination} has no layout to keep to, since varve hasn't built it; this is the first of a series`,
    );
  } catch (error) {
    if (!(error instanceof VarveError && IS_ABSENT.has(error.code))) throw error;
  }
  return undefined;
}

/** Failures that say that there is no image yet. */
const IS_ABSENT: ReadonlySet<string> = new Set(["NOT_FOUND", "IMAGE_NOT_FOUND"]);

/** Failures after which another base may help. */
const OF_A_PLACE: ReadonlySet<string> = new Set(["NETWORK", "NOT_FOUND", "IMAGE_NOT_FOUND", "UNAUTHORIZED"]);

/** Of a place that nobody has named, such as a project's default base, the reader must learn what it is for. */
function baseError(place: string, error: unknown): unknown {
  if (!(error instanceof VarveError && OF_A_PLACE.has(error.code))) return error;
  return new VarveError(
    error.code,
    `the base image ${place} can't be read: ${error.message}; another one is named with --from, or fromImage in the spec`,
    { cause: error },
  );
}

/**
 * Tries once more if a digest in the cache proved wrong: the cache has forgotten it by then. Other entries may be wrong, too,
 * so their layers are measured again as well.
 * @param onNote receives a sentence before the second try
 */
export async function againIfStale<T>(
  attempt: () => Promise<T>,
  { machine: { cache }, onNote }: { machine: Machine; onNote?: ((sentence: string) => void) | undefined },
): Promise<T> {
  try {
    return await attempt();
  } catch (error) {
    if (!(error instanceof VarveError && error.code === "STALE_CACHE")) throw error;
    cache?.distrustLayers();
    onNote?.("a digest in the cache was wrong, and has been forgotten; building again");
    return await attempt();
  }
}
