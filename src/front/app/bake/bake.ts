/** Builds many images in one run: what they have in common is read, measured, compressed and sent once. */
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openDigestCache } from "#cache";
import { VarveError } from "#errors";
import { readLock } from "#plan";
import { basePlace } from "#spec";
import { Resources } from "#util";
import { type BuildOptions, type BuiltImage, buildFrom, type SpecOptions } from "../build.ts";
import { type BuiltIndex, buildIndexFrom } from "../build-index.ts";
import { isOfOne, writeLock } from "../lock-file.ts";
import { type Machine, operate } from "../machine.ts";
import type { Target } from "../places.ts";
import { pullCaches, pushCaches } from "../shared-cache.ts";
import type { SpecSource } from "../source.ts";
import { placesOf } from "./destinations.ts";
import { FleetLayouts } from "./layouts.ts";
import { Together } from "./together.ts";
import { inTurns } from "./turns.ts";

/** One of the images that are made in a run. */
export interface BakeTarget {
  readonly name: string;
  /** Reads what the image is asked for by. */
  open(machine: Machine): Promise<SpecSource>;
  /** Several make an index over an image for each. */
  readonly platforms?: readonly string[] | undefined;
  /** References in registries, at which the image is pushed if that is asked for. */
  readonly tags?: readonly string[] | undefined;
}

/** Where images go, and how they are made. */
export interface BakeOptions
  extends Omit<BuildOptions, "to" | "onFindings" | "onProgress" | keyof Telling>,
    Telling {
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
  /** Targets that are only planned, so that the others have the same layers as if all were made. */
  readonly onlyPlanned?: ((target: BakeTarget) => Promise<boolean>) | undefined;
}

/** Who is told about what, with the target's name. */
interface Telling {
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
  const { lockFile, cacheFrom = [], cacheTo = [], onNote, parallel = PARALLEL } = options;
  return await operate(options, async (operation) => {
    await using resources = new Resources();
    const layouts = await layoutsIn(lockFile, operation.signal);
    const planned = new Map<string, () => void>();
    const cache = operation.machine.cache ?? (await passingCache(operation.machine, resources));
    const together = resources.use(
      new Together(cache.now(), { layouts, onPlanned: (name) => planned.get(name)?.() }),
    );
    const machine: Machine = { ...operation.machine, cache, together };
    await pullCaches(cacheFrom, { ...operation, onNote });
    const opened = await openAll(targets, machine);
    const places = await placesOf(opened, options);
    if (lockFile !== undefined) refuseTwins(opened);
    const results = await inTurns(opened, {
      parallel,
      now: () => machine.now().getTime(),
      signal: operation.signal,
      // The first image on a base brings it, so that it is sent once.
      leaderOf: ({ source }) => basePlace(source?.spec.fromImage).place ?? "",
      work: async (one, isPlanned) => {
        if (one.source !== undefined) planned.set(one.source.spec.name, isPlanned);
        return await bakeOne(one, { machine, options, to: places.get(one.target.name) ?? [], lockFile });
      },
      onDone: options.onDone,
    });
    if (lockFile !== undefined && layouts.planned.size > 0) {
      await writeLock(lockFile, layouts.planned, operation.signal);
    }
    await pushCaches(cacheTo, { ...operation, onNote });
    return results;
  });
}

/** A target, and what it is asked for by, or why that can't be read. */
export interface OpenedTarget {
  readonly target: BakeTarget;
  readonly source?: SpecSource;
  readonly error?: unknown;
}

async function openAll(targets: readonly BakeTarget[], machine: Machine): Promise<OpenedTarget[]> {
  const opened: OpenedTarget[] = [];
  for (const target of targets) {
    try {
      opened.push({ target, source: await target.open(machine) });
    } catch (error) {
      opened.push({ target, error });
    }
  }
  return opened;
}

interface OneOptions {
  readonly machine: Machine;
  readonly options: BakeOptions;
  readonly to: readonly Target[];
  readonly lockFile: string | undefined;
}

async function bakeOne(
  { target, source, error }: OpenedTarget,
  { machine, options, to, lockFile }: OneOptions,
): Promise<BuiltImage | BuiltIndex> {
  if (source === undefined) throw error;
  const { name, platforms = [] } = target;
  const { compression, libc, check, signal, platform, onNote, onOutput, onWarning } = options;
  const given = {
    ...{ machine, signal, to, compression, libc, check },
    onNote: onNote && ((sentence: string) => onNote(sentence, name)),
    onDerived: () => {},
    onOutput: onOutput && ((line: string, script: string) => onOutput(line, script, name)),
    onWarning: onWarning && ((sentence: string) => onWarning(sentence, name)),
  } satisfies SpecOptions & BuildOptions;
  const kept = lockFile === undefined ? source : keeping(source, lockFile);
  if (platforms.length > 1) return await buildIndexFrom(kept, { ...given, platforms });
  return await buildFrom(kept, { ...given, platform: platforms[0] ?? platform });
}

/** The same source, of whose layers the lock file is part of no image. */
function keeping(source: SpecSource, lockFile: string): SpecSource {
  const { spec, onBase } = source;
  return {
    ...source,
    spec: { ...spec, lockFile },
    onBase(base) {
      const known = onBase(base);
      return { ...known, spec: { ...known.spec, lockFile } };
    },
  };
}

async function layoutsIn(
  lockFile: string | undefined,
  signal: AbortSignal | undefined,
): Promise<FleetLayouts> {
  if (lockFile === undefined || !existsSync(lockFile)) return new FleetLayouts();
  const lock = await readLock(lockFile, signal);
  if (lock.isOfOne) throw isOfOne(lockFile);
  return new FleetLayouts(lock);
}

/** Digests that are known as long as the run takes, for those who keep none. */
async function passingCache({ temporary, now }: Machine, resources: Resources) {
  const folder = await mkdtemp(join(temporary, "varve-bake-"));
  resources.use({ [Symbol.asyncDispose]: () => rm(folder, { recursive: true, force: true }) });
  return openDigestCache({ folder, now: () => now().getTime() });
}

/** A lock file knows images by their names. */
function refuseTwins(opened: readonly OpenedTarget[]): void {
  const names = opened.flatMap(({ source }) => (source === undefined ? [] : [source.spec.name]));
  const twice = names.find((name, at) => names.indexOf(name) !== at);
  if (twice === undefined) return;
  throw new VarveError(
    "USAGE",
    `two of the images are called ${twice}, and a lock file tells images apart by their names; give them different ones`,
  );
}
