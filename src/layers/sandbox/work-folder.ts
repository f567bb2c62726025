/** The temporary folder in which a layer is made. */
import { lstat, mkdir, mkdtemp, readdir, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { writeError } from "#errors";
import { currentOwner, hasEnded, ownedName, ownerOfName } from "#util";
import { runPhase, type SandboxPlace } from "./process.ts";
import type { Programs } from "./stores.ts";
import type { SandboxKind } from "./types.ts";

const PREFIX = "varve-scripts-";

/** What the sandbox's program expects in a work folder. */
const FOLDERS = ["world", "tmp", "state", "upper"];

/**
 * Makes a work folder, and removes those of processes that were killed.
 * @throws VarveError `UNWRITABLE`
 */
export async function newWorkFolder(temporary: string, programs: Programs): Promise<string> {
  try {
    const place = await realpath(temporary);
    const owner = await currentOwner();
    await removeRemains(place, programs);
    const folder = await mkdtemp(join(place, PREFIX + ownedName(owner, "")));
    for (const name of FOLDERS) await mkdir(join(folder, name), { mode: 0o755 });
    for (const name of ["owners", "capabilities"]) await writeFile(join(folder, "state", name), "");
    return folder;
  } catch (error) {
    throw writeError(`a temporary folder in ${temporary}`, error);
  }
}

/**
 * Removes a folder and its content, which may belong to ids of a range, or be nested too deeply for a path.
 * @throws VarveError `UNWRITABLE`
 */
export async function removeWorkFolder(place: Omit<SandboxPlace, "signal">): Promise<void> {
  const { kind, folder } = place;
  const remove = () => rm(folder, { recursive: true, force: true, maxRetries: 3 });
  if (kind === "root") {
    const removed = await remove().then(
      () => true,
      () => false,
    );
    if (removed) return;
  }
  // Some of what the sandbox's program expects may be gone already.
  for (const needed of FOLDERS) await mkdir(join(folder, needed), { recursive: true }).catch(() => {});
  await runPhase(place, { name: "clean" }).catch(() => {});
  await remove().catch((error: unknown) => {
    throw writeError(`(and remove) the temporary folder ${folder}`, error);
  });
}

/** Removes the trees in a folder. If they belong to ids of a range, only the user who made them can do so. */
export async function emptyWorkFolder(place: Omit<SandboxPlace, "signal">): Promise<void> {
  if (place.kind !== "root") await runPhase(place, { name: "clean" });
}

/** Leaves what can't be removed: another user's folders, or one that another process is removing. */
async function removeRemains(temporary: string, programs: Programs): Promise<void> {
  const current = await currentOwner();
  for (const name of await readdir(temporary)) {
    const owner = name.startsWith(PREFIX) ? ownerOfName(name.slice(PREFIX.length)) : undefined;
    if (owner === undefined || !(await hasEnded(owner, current))) continue;
    const folder = join(temporary, name);
    const found = await lstat(folder).catch(() => undefined);
    if (!found?.isDirectory() || found.uid !== process.geteuid?.()) continue;
    const kinds: SandboxKind[] = found.uid === 0 ? ["root"] : ["single", "ids"];
    for (const kind of kinds) await removeWorkFolder({ kind, folder, programs }).catch(() => {});
  }
}
