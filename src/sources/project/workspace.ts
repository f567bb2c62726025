/** Projects that are packages of a workspace. */
import { existsSync } from "node:fs";
import { join, relative } from "node:path";
import { VarveError } from "#errors";
import { findProject, isOutside, kindOf, type ReferencesGraph, workspaceFolders } from "#graph";
import type { Memo } from "#util";
import { NothingToRun } from "./command/command.ts";
import { type OwnFiles, ownFiles } from "./ignore/own-files.ts";
import { joined, type StaysOut, staysOut } from "./ignore/stays-out.ts";
import { readManifest } from "./manifest.ts";

/** How a folder's packages are installed. */
export interface Installed {
  /** Where the folder is in the workspace that it is part of; `.` if it is part of none. */
  readonly app: string;
  /** Whether yarn has installed without `node_modules`, so that Node.js finds packages by `.pnp.cjs` in the workspace's root. */
  readonly isPnp: boolean;
  /** Whether there is `.pnp.loader.mjs` beside that, by which `import` finds them, too. */
  readonly hasLoader?: boolean;
  /** What the project's scripts are run with, where that is known. */
  readonly manager?: string;
}

/** For a folder that isn't where its graph is. */
export const NOT_INSTALLED: Installed = { app: ".", isPnp: false };

/** Tells how a folder's packages are installed. */
export async function howInstalled(folder: string, memo?: Memo): Promise<Installed> {
  try {
    const { app, root, manager } = await findProject(folder, memo);
    const program = manager === "yarn-classic" ? "yarn" : manager;
    const isPnp = manager === "yarn" && existsSync(join(root, ".pnp.cjs"));
    const hasLoader = isPnp && existsSync(join(root, ".pnp.loader.mjs"));
    return { app, manager: program, isPnp, hasLoader };
  } catch {
    // What is wrong with its lock file is said when the graph is read.
    return NOT_INSTALLED;
  }
}

/**
 * What stays out of a project, and out of the workspace's other packages that it needs.
 * @throws VarveError `UNREADABLE`
 */
export function workspaceStaysOut(own: OwnFiles, graph: ReferencesGraph): StaysOut {
  const isOther = (id: string, path: string) =>
    kindOf(graph, id) === "workspace" &&
    !`${path}/`.startsWith(`${own.folder}/`) &&
    // A workspace's root has nothing of its own in the image of one of its packages.
    (isOutside(id) || !`${own.folder}/`.startsWith(`${path}/`));
  const others = [...graph.components.values()].filter(({ id, path }) => isOther(id, path));
  const parts = others.map(({ path }) => {
    const { list: all, notes } = staysOut(ownFiles(path, {}), graph);
    // What lies around the project has no say in it.
    const list = all.filter((each) => !`${path}/${each.path}/`.startsWith(`${own.folder}/`));
    const paths = list.map((each) => `${path}/${each.path}`);
    const below = relative(own.folder, path);
    return { list: list.map((each) => ({ ...each, path: `${below}/${each.path}` })), paths, notes };
  });
  return joined([staysOut(own, graph), ...parts]);
}

/**
 * What is found in a folder; where nothing is to be run in it as it is a workspace's root, its packages are named.
 * @throws VarveError what `find` throws
 */
export async function orOfWorkspace<T>(find: () => T, folder: string): Promise<T> {
  try {
    return find();
  } catch (error) {
    if (!(error instanceof NothingToRun)) throw error;
    const example = await startedPackage(folder).catch(() => undefined);
    if (example === undefined) throw error;
    throw new VarveError(
      "INVALID_SPEC",
      `${folder} is a workspace's root, and doesn't say what is to be run; name the folder of a package, such as ${join(folder, example)}, have all of them built by varve bake, or give "cmd" in ${join(folder, "varve.json")}`,
    );
  }
}

/** The first package of the workspace that a folder is the root of which has a start script. */
async function startedPackage(root: string): Promise<string | undefined> {
  for (const at of await workspaceFolders(root)) {
    if ((await readManifest(join(root, at))).scripts?.["start"] !== undefined) return at;
  }
  return undefined;
}
