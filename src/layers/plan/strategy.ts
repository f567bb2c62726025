/** How a spec's components are grouped: its strategy, its weights, its pipeline, and the last build's layout. */
import { existsSync } from "node:fs";
import { open, stat } from "node:fs/promises";
import { readError, VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";
import type { Image } from "#image";
import {
  auto,
  keepLayout,
  LAYOUT_ANNOTATION,
  type Layout,
  type Lock,
  largest,
  leader,
  parseLayout,
  parseLock,
  parseWeights,
  pipelineStrategy,
  popularity,
  type Strategy,
  shareLayers,
  steady,
  steadyForSeries,
} from "#layering";
import { DESTINATION, type ImageSpec } from "#spec";
import { parseJson, readWhole } from "#util";

/** The strategies that have a name, the default of `varve build` first. */
export const STRATEGIES: readonly Strategy[] = [steady, leader, auto, popularity, largest];

/** More bytes than any pipeline, file of weights or layout has. */
const MAX_BYTES = 64 * 1024 * 1024;

/** More operations than any sensible pipeline has. */
const MAX_PIPELINE_DEPTH = 1000;

/** How many bytes of a file are read to distinguish a layout from an archive. */
const START_SIZE = 512;

type StrategyFields = Pick<
  ImageSpec,
  "name" | "strategy" | "weights" | "layeringPipeline" | "layersFrom" | "sharedWith" | "lockFile"
>;

/** The layouts that images keep to, by the images' names. */
export type ImageLayouts = Pick<Lock, "layoutOf" | "othersThan">;

/** A strategy, and what it needs to know. */
export interface ChosenStrategy {
  readonly strategy: Strategy;
  readonly weights: ReadonlyMap<string, number> | undefined;
  /** Whether it asks for the sizes of a graph's components. */
  readonly needsSizes: (graph: ReferencesGraph) => boolean;
  /** Whether there was a layout of the last build, to which it keeps if that is worth it. */
  readonly keepsLayout: boolean;
  /** The layouts of images that were built before, as far as the spec names them. */
  readonly earlier: readonly Layout[];
}

/**
 * The strategy that a spec asks for.
 * @param lastImage the image that `layersFrom` names, unless it names a file with a layout, or the destination has none yet
 * @param sharedImages the images that `sharedWith` names, by their places; others are files with layouts
 * @param otherLayouts those of further images to share layers with
 * @param lock what the spec's lock file has, if it was read
 * @param likeLayout a layout to keep to instead of the spec's own
 * @throws VarveError `INVALID_PIPELINE`, `INVALID_LAYOUT`, `INVALID_JSON`, `TOO_LARGE`, `NOT_FOUND`, `UNREADABLE`
 */
export async function chooseStrategy(
  spec: StrategyFields,
  {
    lastImage,
    sharedImages,
    otherLayouts = [],
    lock: given,
    likeLayout,
    signal,
  }: {
    lastImage?: Image | undefined;
    sharedImages?: ReadonlyMap<string, Image> | undefined;
    otherLayouts?: readonly Layout[] | undefined;
    lock?: ImageLayouts | undefined;
    likeLayout?: Layout | undefined;
    signal?: AbortSignal | undefined;
  } = {},
): Promise<ChosenStrategy> {
  const { layeringPipeline: pipeline } = spec;
  if (pipeline !== undefined) {
    const strategy =
      typeof pipeline === "string"
        ? pipelineStrategy(await readPipeline(pipeline, signal), `the layering pipeline ${pipeline}`)
        : pipelineStrategy(pipeline, "layeringPipeline");
    return { strategy, weights: undefined, needsSizes: () => false, keepsLayout: false, earlier: [] };
  }
  const weights = await weightsOf(spec, signal);
  const lock = given ?? (await lockOf(spec, signal));
  const last = await lastLayout(spec, { lastImage, lock, signal });
  const layout = likeLayout ?? last;
  const keepsLayout = layout !== undefined;
  // A layout that is only alike is no earlier build's: where it isn't kept, a fresh plan is what the other image has, too.
  const shared = await sharedLayouts(spec, { sharedImages, lock, signal });
  const others = [...otherLayouts, ...shared];
  const isSeries = spec.layersFrom !== undefined || spec.lockFile !== undefined || others.length > 0;
  const chosen = STRATEGIES.find(({ name }) => name === spec.strategy) ?? steady;
  const alone = isSeries && chosen === steady ? steadyForSeries : chosen;
  const fresh = others.length > 0 ? shareLayers(others, alone) : alone;
  const strategy = keepsLayout ? keepLayout(layout, fresh) : fresh;
  const needsSizes = (graph: ReferencesGraph): boolean =>
    keepsLayout || others.length > 0 || (chosen === auto ? !hasNarSizes(graph) : chosen !== popularity);
  const earlier = last === undefined ? shared : [last, ...shared];
  return { strategy, weights, needsSizes, keepsLayout, earlier };
}

function hasNarSizes({ components }: ReferencesGraph): boolean {
  return [...components.values()].every(({ narSize }) => narSize !== undefined);
}

/**
 * Reads a layering pipeline's file; what is in it isn't checked.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `TOO_LARGE`
 */
export async function readPipeline(path: string, signal?: AbortSignal): Promise<unknown> {
  return parseJson(await readWhole(path, { limit: MAX_BYTES, signal }), {
    what: path,
    maxBytes: MAX_BYTES,
    maxDepth: MAX_PIPELINE_DEPTH,
  });
}

async function weightsOf(
  { weights }: StrategyFields,
  signal: AbortSignal | undefined,
): Promise<ReadonlyMap<string, number> | undefined> {
  if (typeof weights === "string") {
    return parseWeights(await readWhole(weights, { limit: MAX_BYTES, signal }), weights);
  }
  return weights === undefined ? undefined : new Map(Object.entries(weights));
}

/** It is no mistake if the lock file doesn't exist yet: the build writes it. */
async function lockOf(
  { lockFile }: StrategyFields,
  signal: AbortSignal | undefined,
): Promise<Lock | undefined> {
  return lockFile !== undefined && existsSync(lockFile) ? await readLock(lockFile, signal) : undefined;
}

interface LayoutOptions {
  /** What the lock file has, if there is one. */
  readonly lock: ImageLayouts | undefined;
  readonly signal: AbortSignal | undefined;
}

async function lastLayout(
  { name, layersFrom }: StrategyFields,
  { lastImage, lock, signal }: LayoutOptions & { readonly lastImage: Image | undefined },
): Promise<Layout | undefined> {
  if (lastImage !== undefined) return imageLayout(lastImage, layersFrom!);
  if (layersFrom === DESTINATION) return undefined;
  const last = layersFrom === undefined ? lock : await readLock(layersFrom, signal);
  return last?.layoutOf(name);
}

/** The layouts of other images: those that `sharedWith` names, and those that are in the same lock file. */
async function sharedLayouts(
  { name, sharedWith }: StrategyFields,
  {
    sharedImages,
    lock,
    signal,
  }: LayoutOptions & { readonly sharedImages: ReadonlyMap<string, Image> | undefined },
): Promise<Layout[]> {
  const layouts: Layout[] = [];
  for (const place of sharedWith) {
    const image = sharedImages?.get(place);
    if (image !== undefined) layouts.push(imageLayout(image, place));
    else layouts.push(...(await readLock(place, signal)).layouts());
  }
  if (lock !== undefined) layouts.push(...lock.othersThan(name));
  return layouts;
}

/**
 * Reads a lock file.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `INVALID_LAYOUT`, `TOO_LARGE`
 */
export async function readLock(path: string, signal?: AbortSignal): Promise<Lock> {
  return parseLock(await readWhole(path, { limit: MAX_BYTES, signal }), path);
}

/**
 * The layout that an image keeps.
 * @throws VarveError `INVALID_LAYOUT` if it has none, or none that can be read
 */
export function imageLayout({ manifest }: Image, name: string): Layout {
  const text = manifest?.value.annotations?.[LAYOUT_ANNOTATION];
  if (text !== undefined) return parseLayout(text, `the annotation ${LAYOUT_ANNOTATION} of ${name}`);
  throw new VarveError(
    "INVALID_LAYOUT",
    `${name} has no annotation ${LAYOUT_ANNOTATION}, so there is no layout to keep to; name an image that varve build has written, or a layout in a file`,
  );
}

/** Whether an image keeps a layout, as those do that varve has built. */
export function hasLayout({ manifest }: Image): boolean {
  return manifest?.value.annotations?.[LAYOUT_ANNOTATION] !== undefined;
}

/** Whether a place is a file with a layout, and not an image archive, which begins differently. */
export async function isLayoutFile(place: string): Promise<boolean> {
  const isFile = await stat(place).then(
    (found) => found.isFile(),
    () => false,
  );
  if (!isFile) return false;
  await using file = await open(place).catch((error) => {
    throw readError(place, error);
  });
  const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(START_SIZE) });
  const start = buffer.subarray(0, bytesRead);
  return /^\s*\{/.test(start.toString("latin1")) && !start.includes(0);
}
