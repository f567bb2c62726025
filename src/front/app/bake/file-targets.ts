/** The targets of a file. */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import { BAKE_FILE, checkSpecIn, type FileTarget, readBakeFile, type SpecFields } from "#spec";
import type { Machine } from "../machine.ts";
import { openSource, specSource } from "../source.ts";
import type { BakeTarget } from "./bake.ts";
import { workspaceTargets } from "./workspace-targets.ts";

/** Which targets are meant, and what of them is changed. */
export interface TargetsOptions {
  readonly machine: Machine;
  /** Names of targets, groups or packages; all, or the group `default`, unless given. */
  readonly names?: readonly string[] | undefined;
  /** Values of targets in a file, such as `api.tag=1`. */
  readonly set?: readonly string[] | undefined;
  /** Of targets that say nothing of it. */
  readonly platforms?: readonly string[] | undefined;
  /** Gets each target's fields, not yet checked, and returns those that count. */
  readonly change?: ((fields: SpecFields) => SpecFields) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a place has to be baked. */
export interface PlaceTargets {
  readonly targets: readonly BakeTarget[];
  /** The file's own. */
  readonly lockFile?: string | undefined;
}

/**
 * The targets of a file, of a folder that has one, or of the workspace that a folder is.
 * @throws VarveError what reading these throws
 */
export async function targetsAt(place: string, options: TargetsOptions): Promise<PlaceTargets> {
  const { machine, names, set, platforms, change, signal } = options;
  const file = (await isFolder(place)) ? join(place, BAKE_FILE) : place;
  if (file !== place && !(await isThere(file))) {
    return { targets: await workspaceTargets(place, { names, platforms, change, set }) };
  }
  const { environment } = machine;
  const { targets, lockFile } = await readBakeFile(file, { names, environment, set, signal });
  return { targets: targets.map((each) => targetOf(each, { file, platforms, change })), lockFile };
}

function targetOf(
  { name, context, tags, platforms, fields }: FileTarget,
  {
    file,
    platforms: usual,
    change = (own) => own,
  }: { file: string } & Pick<TargetsOptions, "platforms" | "change">,
): BakeTarget {
  return {
    name,
    tags,
    platforms: platforms.length > 0 ? platforms : usual,
    files: [file, ...(context === undefined ? [] : [context])],
    async open(machine) {
      if (context === undefined)
        return specSource(checkSpecIn(dirname(file), change({ name, ...fields }) as never), dirname(file));
      return await openSource(context, { machine, change: (own) => change({ ...own, ...fields }) });
    },
  };
}

async function isFolder(path: string): Promise<boolean> {
  return await stat(path).then(
    (found) => found.isDirectory(),
    () => true,
  );
}

async function isThere(path: string): Promise<boolean> {
  return await stat(path).then(
    () => true,
    () => false,
  );
}
