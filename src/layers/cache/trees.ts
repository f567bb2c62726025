/** Folders of packages that were installed for other platforms: each is whole, and named after what it was made of. */
import { lstatSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, readError } from "#errors";

/** Beside the digests. */
const FOLDER = "trees";

const NAME = /^[0-9a-f]{64}$/;

/** In milliseconds: nothing takes so long to be installed, so a folder that is older was left by a killed process. */
const ASIDE_AGE = 24 * 60 * 60 * 1000;

/** The folder of a cache in which trees are kept. */
export function treesFolder(cache: string): string {
  return join(cache, FOLDER);
}

/** What there is of trees. */
export interface TreesInfo {
  readonly folder: string;
  /** How many there are. */
  readonly count: number;
}

/** @throws VarveError `UNREADABLE` */
export function treesInfo(cache: string): TreesInfo {
  const folder = treesFolder(cache);
  return { folder, count: namesIn(folder).length };
}

/**
 * Removes trees that haven't been used for a while, and what killed processes left.
 * @returns how many
 * @throws VarveError `UNREADABLE`
 */
export function pruneTrees(cache: string, { maxAge, now }: { maxAge: number; now: number }): number {
  const folder = treesFolder(cache);
  const aside = join(folder, "aside");
  let removed = 0;
  for (const name of namesIn(folder)) {
    if (ageOf(join(folder, name), now) <= maxAge) continue;
    // Nobody takes a tree for whole that is half gone.
    const gone = join(aside, `${name}-pruned`);
    attempt(() => mkdirSync(aside, { mode: 0o700 }));
    if (attempt(() => renameSync(join(folder, name), gone))) removed++;
  }
  for (const name of listed(aside)) {
    const isPruned = name.endsWith("-pruned");
    if (isPruned || ageOf(join(aside, name), now) > ASIDE_AGE)
      attempt(() => rmSync(join(aside, name), { recursive: true, force: true }));
  }
  return removed;
}

/** In milliseconds; one from the future counts as new. */
function ageOf(path: string, now: number): number {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  return stats === undefined ? 0 : Math.max(0, now - stats.mtimeMs);
}

function namesIn(folder: string): string[] {
  return listed(folder).filter((name) => NAME.test(name));
}

function listed(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if (["ENOENT", "ENOTDIR"].includes(errnoOf(error) ?? "")) return [];
    throw readError(folder, error);
  }
}

function attempt(action: () => void): boolean {
  try {
    action();
    return true;
  } catch {
    // Another time.
    return false;
  }
}
