/** The door to projects of all package managers. */
import { readBunLock } from "./bun/lock.ts";
import { readInstalled } from "./installed/installed.ts";
import { type LockFacts, type NodePlatform, thisPlatform } from "./installed/lock-facts.ts";
import { isOutside } from "./installed/outside.ts";
import { checkInstalled } from "./npm/installed.ts";
import { readNpmLock } from "./npm/lock.ts";
import { npmFacts } from "./npm/lock-facts.ts";
import { npmGraph } from "./npm/npm.ts";
import { readPnpmLock } from "./pnpm/lock.ts";
import { findProject, type NodeProject } from "./project.ts";
import type { ReferencesGraph } from "./references-graph.ts";
import { readBerryLock } from "./yarn/berry.ts";
import { readClassicLock } from "./yarn/classic.ts";
import { isPnp, readPnp } from "./yarn/pnp.ts";

/** What of a Node project to read. */
export interface NodeProjectOptions {
  /** Leave out what is needed for development only. */
  readonly omitDev?: boolean;
  /** Where the packages have to be usable; by default where this process runs. */
  readonly platform?: NodePlatform;
}

/**
 * Reads the packages that a project has installed, by npm, pnpm, yarn or bun. Of a workspace's package these are its own,
 * those of the workspace that it needs, and what both need; paths are relative to the workspace's root.
 *
 * @param folder the project's, or that of a workspace's package
 * @throws VarveError `INVALID_GRAPH` if there is no lock file, or what is installed isn't what it says;
 *   `DANGLING_REFERENCE` if a package that is needed isn't installed
 */
export async function readNodeProject(
  folder: string,
  options: NodeProjectOptions = {},
): Promise<ReferencesGraph> {
  const project = await findProject(folder);
  const { omitDev = false, platform = thisPlatform() } = options;
  if (project.manager === "npm") {
    const lock = await readNpmLock(project.root);
    await checkInstalled(lock, { project: project.root, platform });
    const isAlone = project.app === "." && ![...lock.entries.keys()].some(isOutside);
    if (isAlone) return await npmGraph(lock, { project: project.root, omitDev });
    return await readInstalled(project, npmFacts(lock), { omitDev, platform });
  }
  const facts = await readFacts(project);
  if (project.manager === "yarn" && isPnp(project))
    return await readPnp(project, facts, { omitDev, platform });
  return await readInstalled(project, facts, { omitDev, platform });
}

async function readFacts(project: NodeProject): Promise<LockFacts> {
  const { manager, lockFile } = project;
  if (manager === "pnpm") return await readPnpmLock(project);
  if (manager === "bun") return await readBunLock(lockFile);
  if (manager === "yarn-classic") return await readClassicLock(lockFile);
  return await readBerryLock(lockFile);
}
