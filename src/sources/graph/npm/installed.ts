/** Whether what npm has installed is what the project's lock file says. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { VarveError } from "#errors";
import { satisfies, validRange } from "#util";
import { fitsPlatform, isPicky, type NodePlatform } from "../installed/lock-facts.ts";
import { olderLock } from "../project.ts";
import { type LockEntry, type NpmLock, OWN_LOCK_FILES, readLockEntries } from "./lock.ts";

interface CheckOptions {
  readonly project: string;
  readonly platform: NodePlatform;
}

/**
 * Compares npm's list of what it has installed with the project's own lock file, if there are both.
 * @throws VarveError `INVALID_GRAPH` for a package of another version, and for a lock file older than package.json; `DANGLING_REFERENCE` for one that isn't installed
 */
export async function checkInstalled(installed: NpmLock, { project, platform }: CheckOptions): Promise<void> {
  const file = OWN_LOCK_FILES.map((name) => join(project, name)).find((path) => existsSync(path));
  if (file === undefined || file === installed.file) return;
  const wanted = await readLockEntries(file);
  if (wanted === undefined) return;
  const advice = `run \`npm ci\` in ${project}`;
  for (const [key, { version }] of wanted) {
    const there = installed.entries.get(key)?.version;
    if (there === undefined || version === undefined || there === version) continue;
    throw new VarveError(
      "INVALID_GRAPH",
      `node_modules in ${project} is older than ${file}: ${key} is installed as ${there}, and locked as ${version}; ${advice}`,
    );
  }
  checkRanges(wanted, { installed, project, file });
  const missing = [...wanted].find(
    ([key, entry]) => key !== "" && !installed.entries.has(key) && isNeeded(entry),
  );
  const [key] = missing ?? missingHere(wanted, { installed, platform }) ?? [];
  if (key === undefined) return;
  const where = missing === undefined ? ` on ${platform.os}/${platform.cpu}` : "";
  throw new VarveError(
    "DANGLING_REFERENCE",
    `${file} has ${key}, which is needed${where} and is not installed; ${advice}`,
  );
}

/**
 * Finds the package.json that was changed after the lock file, which `npm ci` refuses, too: another range is in it, and what is
 * locked isn't in that.
 */
function checkRanges(
  wanted: ReadonlyMap<string, LockEntry>,
  { installed, project, file }: { installed: NpmLock; project: string; file: string },
): void {
  const locked = wanted.get("")?.dependencies ?? {};
  for (const [name, range] of Object.entries(installed.root.dependencies ?? {})) {
    const version = wanted.get(`node_modules/${name}`)?.version;
    if (typeof range !== "string" || version === undefined) continue;
    if (!Object.hasOwn(locked, name) || locked[name] === range) continue;
    if (!validRange(range) || satisfies(version, range)) continue;
    const lock = { root: project, lockFile: file, manager: "npm" } as const;
    throw olderLock(lock, { from: ".", name, range, version });
  }
}

function isNeeded({ optional, dev, devOptional, peer, extraneous }: LockEntry): boolean {
  return !(optional || dev || devOptional || peer || extraneous);
}

/** The first package for this platform that isn't there; none if another platform is what has been installed for. */
function missingHere(
  wanted: ReadonlyMap<string, LockEntry>,
  { installed, platform }: { installed: NpmLock; platform: NodePlatform },
): [string, LockEntry] | undefined {
  const isElsewhere = [...installed.entries.values()].some(
    (entry) => entry.optional === true && isPicky(entry) && !fitsPlatform(entry, platform),
  );
  if (isElsewhere) return undefined;
  return [...wanted].find(([key, entry]) => {
    const isWanted = entry.optional === true && entry.dev !== true && isPicky(entry);
    return isWanted && fitsPlatform(entry, platform) && !installed.entries.has(key);
  });
}
