/** The door to projects of all package managers. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { type Memo, once } from "#util";
import { readBunLock } from "./bun/lock.ts";
import { readInstalled } from "./installed/installed.ts";
import { type LockFacts, type NodePlatform, thisPlatform } from "./installed/lock-facts.ts";
import { isOutside } from "./installed/outside.ts";
import { Manifests } from "./manifests.ts";
import { checkInstalled } from "./npm/installed.ts";
import { isInStore, readNpmLock } from "./npm/lock.ts";
import { npmFacts, storeFacts } from "./npm/lock-facts.ts";
import { npmGraph } from "./npm/npm.ts";
import { readPnpmLock } from "./pnpm/lock.ts";
import { findProject, hasLock, type NodeProject } from "./project.ts";
import { makeGraph, type ReferencesGraph } from "./references-graph.ts";
import { readManifest } from "./workspace.ts";
import { readBerryLock } from "./yarn/berry.ts";
import { readClassicLock } from "./yarn/classic.ts";
import { isPnp, readPnp } from "./yarn/pnp.ts";

/** What of a Node project to read. */
export interface NodeProjectOptions {
  /** Leave out what is needed for development only. */
  readonly omitDev?: boolean;
  /** Where the packages have to be usable; by default where this process runs. */
  readonly platform?: NodePlatform;
  /** What has been read of packages, or is known from before. */
  readonly manifests?: Manifests;
  /**
   * Knows what was read before for another package of the same workspace.
   * @internal
   */
  readonly memo?: Memo | undefined;
}

/**
 * Reads the packages that a project has installed, by npm, pnpm, yarn or bun. Of a workspace's package these are its own,
 * those of the workspace that it needs, and what both need; paths are relative to the workspace's root.
 *
 * @param folder the project's, or that of a workspace's package
 * @throws VarveError `INVALID_GRAPH` if there is no lock file though packages are needed, or what is installed isn't what it says;
 *   `DANGLING_REFERENCE` if a package that is needed isn't installed
 */
export async function readNodeProject(
  folder: string,
  options: NodeProjectOptions = {},
): Promise<ReferencesGraph> {
  const { omitDev = false, platform = thisPlatform(), manifests = new Manifests(), memo } = options;
  const alone = await readWithoutPackages(resolve(folder), { omitDev, memo });
  if (alone !== undefined) return alone;
  const project = await findProject(folder, memo);
  if (project.manager === "npm") {
    const { lock, facts, isLinked } = await once(memo, `npm ${project.root}`, async () => {
      const lock = await readNpmLock(project.root);
      // What lies in a store has no place in the lock file, so nothing but names and versions can be compared.
      const isLinked = isInStore(lock);
      if (isLinked)
        return { lock, facts: storeFacts(await readNpmLock(project.root, project.lockFile)), isLinked };
      await checkInstalled(lock, { project: project.root, platform });
      return { lock, facts: npmFacts(lock), isLinked };
    });
    const isAlone = project.app === "." && !isLinked && ![...lock.entries.keys()].some(isOutside);
    if (isAlone) return await npmGraph(lock, { project: project.root, omitDev, manifests });
    return await readInstalled(project, facts, { omitDev, platform, manifests, memo });
  }
  const facts = await once(memo, `lock ${project.lockFile}`, () => readFacts(project));
  if (project.manager === "yarn" && isPnp(project))
    return await readPnp(project, facts, { omitDev, platform, manifests });
  return await readInstalled(project, facts, { omitDev, platform, manifests, memo });
}

/** A project that needs no packages, so that no package manager was ever run in it. */
async function readWithoutPackages(
  folder: string,
  { omitDev, memo }: { readonly omitDev: boolean; readonly memo: Memo | undefined },
): Promise<ReferencesGraph | undefined> {
  if (hasLock(folder) || existsSync(join(folder, "node_modules"))) return undefined;
  const manifest = await readManifest(folder);
  if (manifest === undefined) return undefined;
  const kinds = ["dependencies", "optionalDependencies", "peerDependencies"];
  for (const kind of omitDev ? kinds : [...kinds, "devDependencies"]) {
    if (Object.keys(manifest[kind] ?? {}).length > 0) return undefined;
  }
  // It may be a workspace's.
  const isInstalled = await findProject(folder, memo).then(
    () => true,
    () => false,
  );
  if (isInstalled) return undefined;
  const { name, version } = manifest;
  const own = {
    ...(typeof name === "string" && { name }),
    ...(typeof version === "string" && { version }),
  };
  const component = { id: ".", path: folder, references: [], ...own, nested: [] };
  return makeGraph([component], { kind: "npm", origin: `the project ${folder}` });
}

async function readFacts(project: NodeProject): Promise<LockFacts> {
  const { manager, lockFile } = project;
  if (manager === "pnpm") return await readPnpmLock(project);
  if (manager === "bun") return await readBunLock(lockFile);
  if (manager === "yarn-classic") return await readClassicLock(lockFile);
  return await readBerryLock(lockFile);
}
