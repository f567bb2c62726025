/** Projects that are packages of a workspace. */
import { relative } from "node:path";
import { findProject, type ReferencesGraph } from "#graph";
import { compareNames } from "#util";
import { type OwnFiles, ownFiles } from "./ignore/own-files.ts";
import { type StaysOut, staysOut } from "./ignore/stays-out.ts";

/** Where a folder is in the workspace that it is part of; `.` if it is part of none. */
export async function placeInWorkspace(folder: string): Promise<string> {
  try {
    return (await findProject(folder)).app;
  } catch {
    // What is wrong with its lock file is said when the graph is read.
    return ".";
  }
}

/**
 * What stays out of a project, and out of the workspace's other packages that it needs.
 * @throws VarveError `UNREADABLE`
 */
export function workspaceStaysOut(own: OwnFiles, graph: ReferencesGraph): StaysOut {
  const isOther = (id: string, path: string) =>
    graph.kind === "npm" &&
    !/(?:^|\/)node_modules(?:\/|$)/.test(id) &&
    !`${path}/`.startsWith(`${own.folder}/`) &&
    // A workspace's root has nothing of its own in the image of one of its packages.
    !`${own.folder}/`.startsWith(`${path}/`);
  const others = [...graph.components.values()].filter(({ id, path }) => isOther(id, path));
  const parts = others.map(({ path }) => {
    const { list, paths, notes } = staysOut(ownFiles(path, {}), graph);
    const below = relative(own.folder, path);
    return { list: list.map((each) => ({ ...each, path: `${below}/${each.path}` })), paths, notes };
  });
  const all = [staysOut(own, graph), ...parts];
  return {
    list: all.flatMap(({ list }) => list).sort((a, b) => compareNames(a.path, b.path)),
    paths: all.flatMap(({ paths }) => paths),
    notes: all.flatMap(({ notes }) => notes),
  };
}
