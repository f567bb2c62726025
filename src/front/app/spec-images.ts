/** Opens the images that a spec names, and tries again if the digest cache was wrong. */
import { VarveError } from "#errors";
import type { Image } from "#image";
import { isLayoutFile } from "#plan";
import type { ImageSpec } from "#spec";
import type { Machine, Operation } from "./machine.ts";
import { openImages } from "./open-images.ts";

/** The name that Docker gives to no base at all; no registry has an image of this name. */
const NO_BASE = "scratch";

/** The images that a spec names; they can be read until it is disposed of. */
export interface SpecImages extends AsyncDisposable {
  /** That of `fromImage`. */
  readonly base: Image | undefined;
  /** That of `layersFrom`, unless it is a file with a layout. */
  readonly lastImage: Image | undefined;
}

/**
 * Opens the images that a spec names, for the spec's own architecture if it has one.
 * @throws VarveError what opening and reading them throws
 */
export async function openSpecImages(
  spec: Pick<ImageSpec, "fromImage" | "layersFrom" | "architecture">,
  { machine, read }: Pick<Operation, "machine" | "read">,
): Promise<SpecImages> {
  const { architecture = read.platform.architecture } = spec;
  const fromImage = spec.fromImage === NO_BASE ? undefined : spec.fromImage;
  const lastPlace = await placeOfLast(spec);
  const places = [fromImage, lastPlace].filter((place) => place !== undefined);
  const wanted = { ...read, platform: { ...read.platform, architecture } };
  const opened = await openImages(places, { machine, read: wanted }).catch((error) => {
    throw fromImage === undefined || lastPlace !== undefined ? error : baseError(fromImage, error);
  });
  const { images } = opened;
  return {
    base: fromImage === undefined ? undefined : images[0],
    lastImage: lastPlace === undefined ? undefined : images.at(-1),
    [Symbol.asyncDispose]: opened[Symbol.asyncDispose],
  };
}

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

async function placeOfLast({ layersFrom }: Pick<ImageSpec, "layersFrom">): Promise<string | undefined> {
  return layersFrom === undefined || (await isLayoutFile(layersFrom)) ? undefined : layersFrom;
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
