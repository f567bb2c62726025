/** A project's packages for another platform, installed in a folder of varve's own. */
import { randomUUID } from "node:crypto";
import { lstatSync, mkdirSync, readdirSync, realpathSync, renameSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { errnoOf, VarveError, writeError } from "#errors";
import {
  isInstalled,
  type NodePlatform,
  type NodeProject,
  type ReferencesGraph,
  readNodeProject,
} from "#graph";
import { currentOwner, hasEnded, ownedName, ownerOfName } from "#util";
import { downloaderOf, fetchNatives } from "./downloaders.ts";
import { collectInputs, type Inputs, inputsKey, layOut, removeSettings } from "./inputs.ts";
import { managerCommand } from "./managers.ts";
import { readPackage } from "./package.ts";
import { prebuildsIn } from "./prebuilds.ts";
import { complaint, type Programs, runProgram } from "./run.ts";
import { platformName } from "./target.ts";

/** Changes with what is done to the trees, so that no version of varve takes another's. */
const FORM = 1;

export interface TreeOptions {
  readonly platform: NodePlatform;
  readonly omitDev: boolean;
  /** Of Node.js in the image, as far as it is known. */
  readonly nodeVersion: string | undefined;
  readonly programs: Programs;
  /** Where trees are kept, absolute; without it one is made in a temporary folder and removed. */
  readonly kept: string | undefined;
  /** The folder in which temporary folders are made. */
  readonly temporary: string;
  /** Milliseconds since 1970: when a tree was last used. */
  readonly now: number;
  /** Told before something is done that takes a while. */
  readonly onNote?: ((sentence: string) => void) | undefined;
}

/** A tree that can be read until it is disposed of. */
export interface InstalledTree extends Disposable {
  /** The folder that is to this tree what the project's root is to what is installed there. */
  readonly root: string;
  /** By id: why packages have no files for the platform. */
  readonly failures: ReadonlyMap<string, string>;
}

/**
 * Installs a project's packages for another platform with its own package manager, as its lock file has them, and without
 * running their scripts; the project's folder isn't touched. What was installed before for the same files and platform is
 * taken as it is. A tree is kept whole or not at all, and only if nothing is missing in it.
 * @throws VarveError `NOT_FOUND`, `INSTALL_FAILED`, `INVALID_GRAPH`, `UNREADABLE`, `UNWRITABLE`, `ABORTED`
 */
export async function installTree(project: NodeProject, options: TreeOptions): Promise<InstalledTree> {
  const { platform, omitDev, nodeVersion, kept } = options;
  checkLock(project);
  const inputs = await collectInputs(project, platform);
  const major = nodeVersion?.split(".")[0];
  const { manager, app } = project;
  const key = inputsKey(inputs, [
    FORM,
    manager,
    app,
    platform.os,
    platform.cpu,
    platform.libc,
    omitDev,
    major,
  ]);
  const place = kept === undefined ? undefined : join(kept, key);
  if (place !== undefined && isOwn(place)) {
    markUsed(place, options.now);
    return { root: realpathSync(place), failures: new Map(), [Symbol.dispose]() {} };
  }
  options.onNote?.(
    `installing the packages for ${platformName(platform)} with ${manager === "yarn-classic" ? "yarn" : manager}`,
  );
  const aside = await newFolder(kept === undefined ? options.temporary : join(kept, "aside"));
  const remove = () => rmSync(aside, { recursive: true, force: true, maxRetries: 3 });
  try {
    await install(project, { inputs, folder: aside, options });
    const failures = await fetchAll({ folder: aside, app, options });
    if (place === undefined || failures.size > 0) return { root: aside, failures, [Symbol.dispose]: remove };
    moveInto(place, aside);
    markUsed(place, options.now);
    return { root: realpathSync(place), failures, [Symbol.dispose]() {} };
  } catch (error) {
    remove();
    throw error;
  }
}

function checkLock({ manager, lockFile, root }: NodeProject): void {
  if (manager !== "npm" || !lockFile.endsWith("node_modules/.package-lock.json")) return;
  throw new VarveError(
    "INVALID_GRAPH",
    `${root} has no package-lock.json, from which npm could install for another platform; run \`npm install\` there`,
  );
}

async function install(
  project: NodeProject,
  { inputs, folder, options }: { inputs: Inputs; folder: string; options: TreeOptions },
): Promise<void> {
  const { programs } = options;
  const { yarnPath } = inputs;
  const { command, variables } = await managerCommand(project, options, { programs, yarnPath });
  layOut(inputs, folder);
  const finished = await runProgram(command, { ...programs, cwd: folder, variables }).catch((error) => {
    throw error instanceof VarveError ? error : failed(project, options, String(error));
  });
  removeSettings(folder);
  if (!finished.isDone) throw failed(project, options, complaint(finished.output));
}

function failed({ root, manager }: NodeProject, { platform }: TreeOptions, why: string): VarveError {
  const name = manager === "yarn-classic" ? "yarn" : manager;
  const old = manager === "pnpm" && /unknown option/i.test(why) ? "; pnpm 10.14 is the first that can" : "";
  return new VarveError(
    "INSTALL_FAILED",
    `${name} can't install the packages of ${root} for ${platformName(platform)} from its lock file: ${why}${old}`,
  );
}

/** Has packages fetch their files that do so when they are installed. */
async function fetchAll({
  folder,
  app,
  options,
}: {
  folder: string;
  app: string;
  options: TreeOptions;
}): Promise<ReadonlyMap<string, string>> {
  const { platform, nodeVersion, programs } = options;
  const failures = new Map<string, string>();
  const graph = await readTree(folder, { app, options });
  for (const component of graph.components.values()) {
    if (!isInstalled(component.id)) continue;
    const read = await readPackage(component);
    if (downloaderOf(read.script) === undefined || prebuildsIn(read.folder, platform).fits) continue;
    options.onNote?.(
      `asking for the files of ${component.name ?? component.id} for ${platformName(platform)}`,
    );
    const why = await fetchNatives(read, { platform, nodeVersion, programs, root: folder });
    if (why !== undefined) failures.set(component.id, why);
  }
  return failures;
}

/** The graph of what was installed in a tree. */
export async function readTree(
  root: string,
  {
    app,
    options: { omitDev, platform },
  }: { app: string; options: Pick<TreeOptions, "omitDev" | "platform"> },
): Promise<ReferencesGraph> {
  return await readNodeProject(app === "." ? root : join(root, app), { omitDev, platform });
}

/** A new folder that nobody else can read; those of processes that were killed are removed. */
async function newFolder(above: string): Promise<string> {
  try {
    const owner = await currentOwner();
    mkdirSync(above, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(above)) {
      const of = name.startsWith(PREFIX) ? ownerOfName(name.slice(PREFIX.length)) : undefined;
      if (of === undefined || !(await hasEnded(of, owner)) || !isOwn(join(above, name))) continue;
      rmSync(join(above, name), { recursive: true, force: true, maxRetries: 3 });
    }
    const folder = join(realpathSync(above), PREFIX + ownedName(owner, randomUUID()));
    mkdirSync(folder, { mode: 0o700 });
    return folder;
  } catch (error) {
    throw writeError(`a folder in ${above}`, error);
  }
}

const PREFIX = "varve-install-";

/** Another process may have made the same meanwhile. */
function moveInto(place: string, aside: string): void {
  try {
    renameSync(aside, place);
  } catch (error) {
    if (!["ENOTEMPTY", "EEXIST"].includes(errnoOf(error) ?? "") || !isOwn(place))
      throw writeError(place, error);
    rmSync(aside, { recursive: true, force: true, maxRetries: 3 });
  }
}

/** Whether a folder is there that only this user can have filled. */
function isOwn(path: string): boolean {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory() !== true) return false;
  const user = process.geteuid?.();
  return user === undefined || (stats.uid === user && (stats.mode & 0o077) === 0);
}

function markUsed(path: string, now: number): void {
  try {
    utimesSync(path, now / 1000, now / 1000);
  } catch {
    // It is removed earlier than it might be.
  }
}
