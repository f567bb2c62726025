/** The packages of a workspace that have something to start, as targets. */
import { VarveError } from "#errors";
import { type StartablePackage, startable } from "#project";
import { BAKE_FILE, type SpecFields } from "#spec";
import { openSource } from "../source.ts";
import type { BakeTarget } from "./bake.ts";
import { chosen } from "./choose.ts";

/** Which packages of a workspace become images, and how. */
export interface WorkspaceOptions {
  /** Names, or folders from the root, of the packages that are meant; all unless given. */
  readonly names?: readonly string[] | undefined;
  /** Gets each package's fields, not yet checked, and returns those that count. */
  readonly change?: ((fields: SpecFields) => SpecFields) | undefined;
  readonly platforms?: readonly string[] | undefined;
  /** Values such as `svc.tag=1`, which only targets of a file can have. */
  readonly set?: readonly string[] | undefined;
}

/**
 * The targets of a workspace's root, or of a project that is alone.
 * @throws VarveError `USAGE` for a name that no package has, and where there is nothing to start; what reading the workspace throws
 */
export async function workspaceTargets(
  folder: string,
  { names = [], change, platforms, set = [] }: WorkspaceOptions = {},
): Promise<BakeTarget[]> {
  if (set.length > 0) {
    throw new VarveError(
      "USAGE",
      `--set ${set[0]} is about a target of a file, and ${folder} has no ${BAKE_FILE}`,
    );
  }
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
    files: [folder],
    open: async (machine) => await openSource(folder, { machine, change }),
  };
}
