/** The packages of a workspace that have something to start, as targets. */
import { type StartablePackage, startable } from "#project";
import type { SpecFields } from "#spec";
import { openSource } from "../source.ts";
import type { BakeTarget } from "./bake.ts";
import { chosen } from "./choose.ts";

/** Which packages of a workspace become images, and how. */
export interface WorkspaceOptions {
  /** Names, or folders from the root, of the packages that are meant; all unless given. */
  readonly names?: readonly string[] | undefined;
  /** Gets each package's fields, not yet checked, and returns those that count. */
  readonly change?: ((fields: SpecFields, target: string) => SpecFields) | undefined;
  readonly platforms?: readonly string[] | undefined;
}

/**
 * The targets of a workspace's root, or of a project that is alone.
 * @throws VarveError `USAGE` for a name that no package has, and where there is nothing to start; what reading the workspace throws
 */
export async function workspaceTargets(
  folder: string,
  { names = [], change, platforms }: WorkspaceOptions = {},
): Promise<BakeTarget[]> {
  const { packages } = await startable(folder);
  const meant = chosen(packages, names, { where: folder, what: "package with something to start" });
  return meant.map((each) => targetOf(each, { change, platforms }));
}

function targetOf(
  { name, folder }: StartablePackage,
  { change, platforms }: Pick<WorkspaceOptions, "change" | "platforms">,
): BakeTarget {
  return {
    name,
    platforms,
    open: async (machine) =>
      await openSource(folder, { machine, ...(change && { change: (fields) => change(fields, name) }) }),
  };
}
