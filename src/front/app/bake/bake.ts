/** Builds many images in one run: what they have in common is read, measured, compressed and sent once. */
import { planImage } from "#plan";
import { basePlace } from "#spec";
import { type BuildOptions, type BuiltImage, buildFrom, type SpecOptions } from "../build.ts";
import { type BuiltIndex, buildIndexFrom } from "../build-index.ts";
import { type Machine, operate } from "../machine.ts";
import { outputPaths, type Target } from "../places.ts";
import { pullCaches, pushCaches } from "../shared-cache.ts";
import type { SpecSource } from "../source.ts";
import { openOnBase } from "../spec-on-base.ts";
import { affected } from "./affected.ts";
import { placesOf } from "./destinations.ts";
import { type OpenedTarget, openRun } from "./run.ts";
import { inTurns } from "./turns.ts";

/** One of the images that are made in a run. */
export interface BakeTarget {
  readonly name: string;
  /**
   * Reads what the image is asked for by.
   * @internal
   */
  open(machine: Machine): Promise<SpecSource>;
  /** Several make an index over an image for each. */
  readonly platforms?: readonly string[] | undefined;
  /** References in registries, at which the image is pushed if that is asked for. */
  readonly tags?: readonly string[] | undefined;
  /** Files and folders that say what it is; changes of them matter to it, besides those of its image's files. */
  readonly files?: readonly string[] | undefined;
}

/** Where images go, and how they are made. */
export interface BakeOptions
  extends Omit<BuildOptions, "to" | "writtenMeanwhile" | "onFindings" | "onProgress" | keyof BakeListener>,
    BakeListener {
  /** Places in which `{name}`, `{tag}` and `{target}` stand for each image's own. */
  readonly to?: readonly string[] | undefined;
  /** Whether images go to their targets' tags. */
  readonly push?: boolean | undefined;
  /** Further places of each image, such as a daemon. */
  readonly alsoTo?: ((target: BakeTarget) => Promise<readonly Target[]>) | undefined;
  /** One file for the layouts of all images, to which these keep. */
  readonly lockFile?: string | undefined;
  /** How many images are written at the same time; 4 unless given. */
  readonly parallel?: number | undefined;
  /** Makes only those images that can have become others since a commit, as the repository of a folder lies there. */
  readonly affectedSince?: { readonly commit: string; readonly folder: string } | undefined;
}

/** Who is told about what, with the target's name. */
export interface BakeListener {
  readonly onNote?: ((sentence: string, target?: string) => void) | undefined;
  readonly onOutput?: ((line: string, script: string, target: string) => void) | undefined;
  readonly onWarning?: ((sentence: string, target: string) => void) | undefined;
  readonly onDone?:
    | ((image: BakedImage, counts: { readonly done: number; readonly all: number }) => void)
    | undefined;
}

/** What became of a target. */
export interface BakedImage {
  readonly target: string;
  /** The image, or the index over its images; undefined if it failed. */
  readonly built: BuiltImage | BuiltIndex | undefined;
  /** Why it failed. */
  readonly error: unknown;
  /** From when its turn came, in milliseconds. */
  readonly milliseconds: number;
}

const PARALLEL = 4;

/**
 * Builds the images of all targets. They are planned one after the other, each with the layers of those before it, and written
 * side by side. One that fails doesn't stop the others.
 * @returns what became of each, in their order
 * @throws VarveError `USAGE` if two images would be at one place, or there is none; what reading the lock file throws; `ABORTED`
 */
export async function bake(targets: readonly BakeTarget[], options: BakeOptions): Promise<BakedImage[]> {
  const { cacheFrom = [], cacheTo = [], onNote, parallel = PARALLEL } = options;
  return await operate(options, async (operation) => {
    await using run = await openRun(targets, { ...options, operation });
    const { machine, opened, together, whenPlanned } = run;
    const isMeant = await meantOf(opened, { machine, affectedSince: options.affectedSince });
    const places = await placesOf(opened.filter(isMeant), options);
    const writtenMeanwhile = await outputPaths([...places.values()].flat());
    await pullCaches(cacheFrom, { ...options, ...operation });
    // Those behind the last one that is made decide nothing of it.
    const needed = opened.slice(0, opened.findLastIndex(isMeant) + 1);
    const results = await inTurns(needed, {
      parallel,
      now: () => machine.now().getTime(),
      signal: operation.signal,
      all: opened.filter(isMeant).length,
      // The first image on a base brings it, so that it is sent once.
      leaderOf: (one) => (isMeant(one) ? (basePlace(one.source?.spec.fromImage).place ?? "") : undefined),
      work: async (one, isPlanned) => {
        // Others are planned all the same, so that the images have the layers that they have if all are made.
        if (!isMeant(one)) return await planOnly(one, { machine, options });
        if (one.source !== undefined) whenPlanned(one.source.spec.name, isPlanned);
        const to = places.get(one.target.name) ?? [];
        return await bakeOne(one, { machine, options, to, writtenMeanwhile });
      },
      onDone: options.onDone,
    });
    await together.writeLocks(operation.signal);
    await pushCaches(cacheTo, { ...operation, onNote });
    return results;
  });
}

/** Which of the targets are to be made. */
async function meantOf(
  opened: readonly OpenedTarget[],
  { machine, affectedSince }: Pick<BakeOptions, "affectedSince"> & { readonly machine: Machine },
): Promise<(one: OpenedTarget) => boolean> {
  if (affectedSince === undefined) return () => true;
  const { commit: since, folder } = affectedSince;
  const names = (await affected(opened, { machine, since, folder })).map(({ target }) => target.name);
  return ({ target }) => names.includes(target.name);
}

interface OneOptions {
  readonly machine: Machine;
  readonly options: BakeOptions;
  readonly to: readonly Target[];
  /** What the images of all are written to, absolute. */
  readonly writtenMeanwhile: readonly string[];
}

/** Decides an image's layers, and no more. One that the lock file has needs not even that. */
async function planOnly(
  { source }: OpenedTarget,
  { machine, options }: Omit<OneOptions, "to" | "writtenMeanwhile">,
): Promise<undefined> {
  const { together, cache } = machine;
  if (source === undefined || together === undefined) return undefined;
  const { signal, libc, platform } = options;
  // What is wrong with it is said when it is made.
  await operate({ machine, signal, platform }, async (operation) => {
    const lock = await together.layoutsOf(source.spec);
    if (lock.layoutOf(source.spec.name) !== undefined) return;
    await using known = await openOnBase(source, operation, { libc });
    const { spec, base } = known;
    const workingDir = spec.config.WorkingDir ?? base?.config.value.config?.WorkingDir;
    const { listings } = together;
    const plan = await planImage(spec, { ...known, workingDir, lock, listings, cache, signal });
    await together.planned(spec, plan.layout);
  }).catch(() => {});
  return undefined;
}

async function bakeOne(
  { target, source, error }: OpenedTarget,
  { machine, options, to, writtenMeanwhile }: OneOptions,
): Promise<BuiltImage | BuiltIndex> {
  if (source === undefined) throw error;
  const { name, platforms = [] } = target;
  const { compression, libc, check, signal, platform, onNote, onOutput, onWarning } = options;
  const { sbom, provenance, sign } = options;
  const given = {
    ...{ machine, signal, to, writtenMeanwhile, compression, libc, check, sbom, provenance, sign },
    onNote: onNote && ((sentence: string) => onNote(sentence, name)),
    onDerived: () => {},
    onOutput: onOutput && ((line: string, script: string) => onOutput(line, script, name)),
    onWarning: onWarning && ((sentence: string) => onWarning(sentence, name)),
  } satisfies SpecOptions & BuildOptions;
  if (platforms.length > 1) return await buildIndexFrom(source, { ...given, platforms });
  return await buildFrom(source, { ...given, platform: platforms[0] ?? platform });
}
