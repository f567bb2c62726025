/** Whether a package is the one that was locked, and the one that is asked for. */
import { resolve } from "node:path";
import { VarveError } from "#errors";
import { satisfies, validRange } from "#util";
import { isObject, type JsonObject } from "../file.ts";
import { installCommand, type NodeProject, olderLock } from "../project.ts";
import { readManifest } from "../workspace.ts";
import { text } from "../yaml.ts";
import { type LockFacts, plainVersion } from "./lock-facts.ts";
import { isSource } from "./outside.ts";
import type { InstalledPackage, Need } from "./tree.ts";

interface Found {
  /** The folder of the package that needs it, relative to the project. */
  readonly from: string;
  readonly need: Need;
  /** What is there. */
  readonly found: InstalledPackage;
}

/** @throws VarveError `INVALID_GRAPH` if `node_modules` is older than the lock file, or that is older than `package.json` */
export async function checkVersion(
  { from, need, found }: Found,
  project: NodeProject,
  { packages, versionFor, isReplaced }: LockFacts,
): Promise<void> {
  const { root, lockFile, manager } = project;
  const { manifest, id } = found;
  const [name, version] = [text(manifest["name"]), text(manifest["version"])];
  if (name === undefined || version === undefined) return;
  const wanted = versionFor?.({ from, name: need.name, range: need.range });
  const isOther = wanted !== undefined && plainVersion(wanted) !== plainVersion(version);
  if (isOther || (packages.has(name) && packages.find(name, version) === undefined)) {
    const instead = isOther ? ` has ${need.name} ${wanted}` : " doesn't have";
    throw new VarveError(
      "INVALID_GRAPH",
      `${resolve(root, id)} is version ${version}, which ${lockFile}${instead}: what is installed is not what is locked; run \`${installCommand(manager)}\` in ${root}`,
    );
  }
  // What others ask for was decided when it was locked.
  if (isSource(from)) await checkAsked({ from, need, version }, project, isReplaced);
}

interface Asked {
  /** The folder of the project's own package that asks, relative to the project. */
  readonly from: string;
  readonly need: Need;
  readonly version: string;
}

/**
 * Finds a package.json that was changed after the lock file.
 * @param isReplaced as `LockFacts` has it
 * @throws VarveError `INVALID_GRAPH`
 */
export async function checkAsked(
  { from, need, version }: Asked,
  project: NodeProject,
  isReplaced: LockFacts["isReplaced"],
): Promise<void> {
  if (!isOutOfRange(need, version) || isReplaced?.(need.name)) return;
  if (isReplacedIn((await readManifest(project.root)) ?? {}, need.name)) return;
  throw olderLock(project, { from, ...need, version });
}

/** Of prereleases managers have rules of their own. */
function isOutOfRange({ range, kind }: Need, version: string): boolean {
  const plain = plainVersion(version);
  const isRelease = /^\d+\.\d+\.\d+$/.test(plain);
  return kind === "required" && isRelease && validRange(range) && !satisfies(plain, range);
}

/** Whether a project takes another package, or another version, than is asked for. */
function isReplacedIn({ overrides, resolutions, pnpm }: JsonObject, name: string): boolean {
  const all = [overrides, resolutions, isObject(pnpm) ? pnpm["overrides"] : undefined];
  return JSON.stringify(all).includes(name);
}
