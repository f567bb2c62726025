/** What a run of several images begins with. */
import { mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { openDigestCache } from "#cache";
import { VarveError } from "#errors";
import { Resources } from "#util";
import { isOfOne } from "../lock-file.ts";
import type { Machine, Operation } from "../machine.ts";
import type { SpecSource } from "../source.ts";
import type { BakeTarget } from "./bake.ts";
import { Together } from "./together.ts";

/** A target, and what it is asked for by, or why that can't be read. */
export interface OpenedTarget {
  readonly target: BakeTarget;
  readonly source?: SpecSource;
  readonly error?: unknown;
}

/** What a run has. */
export interface Run extends AsyncDisposable {
  /** With all that the images have in common. */
  readonly machine: Machine;
  readonly opened: readonly OpenedTarget[];
  readonly together: Together;
  /** Has somebody told when the layers of an image of this name are decided. */
  whenPlanned(name: string, listener: () => void): void;
}

/**
 * Reads what all targets are asked for by. One that can't be read says so when its turn comes.
 * @throws VarveError what reading the lock file throws; `USAGE` for two images of one name that are to be in it
 */
export async function openRun(
  targets: readonly BakeTarget[],
  { lockFile, operation }: { readonly lockFile?: string | undefined; readonly operation: Operation },
): Promise<Run> {
  await using resources = new Resources();
  const listeners = new Map<string, () => void>();
  const cache = operation.machine.cache ?? (await passingCache(operation.machine, resources));
  const onPlanned = (name: string) => listeners.get(name)?.();
  const together = resources.use(new Together(cache.now(), { lockFile, onPlanned }));
  const machine: Machine = { ...operation.machine, cache, together };
  const read = await openAll(targets, machine);
  if (lockFile !== undefined) {
    refuseTwins(read);
    if ((await together.layoutsOf({ lockFile })).isOfOne) throw isOfOne(lockFile);
  }
  const opened = lockFile === undefined ? read : read.map((one) => keepingTo(one, lockFile));
  const all = resources.move();
  return {
    ...{ machine, opened, together },
    whenPlanned: (name, listener) => void listeners.set(name, listener),
    [Symbol.asyncDispose]: () => all[Symbol.asyncDispose](),
  };
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

function keepingTo(one: OpenedTarget, lockFile: string): OpenedTarget {
  return one.source === undefined ? one : { ...one, source: keeping(one.source, lockFile) };
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
