/** The packages of a workspace that have something to start. */
import { basename, join, resolve } from "node:path";
import { VarveError } from "#errors";
import { findProject, workspaceFolders } from "#graph";
import { type Memo, once } from "#util";
import { frameworkOf } from "./command/frameworks.ts";
import { readManifest } from "./manifest.ts";
import { hasSpec, isProject } from "./project.ts";

/** A package of a workspace, or a project that is none. */
export interface StartablePackage {
  /** Its name without the scope, or with it, or its folder: whichever no other has. */
  readonly name: string;
  /** Other names by which it is known, its folder among them. */
  readonly aliases: readonly string[];
  /** Absolute. */
  readonly folder: string;
}

/** A workspace, or a project that is alone. */
export interface Workspaces {
  readonly packages: readonly StartablePackage[];
  /** The folders, relative to the workspace's root, of packages without anything to start. */
  readonly others: readonly string[];
}

/**
 * Finds the packages of the workspace that a folder is the root of which have something to start: a spec, a start script, or a
 * server that their framework builds. A folder without a workspace is the only package itself.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `INVALID_GRAPH`, `INVALID_SPEC`; `USAGE` if there is nothing to start
 */
export async function startable(path: string, memo?: Memo): Promise<Workspaces> {
  const root = resolve(path);
  const folders = await once(memo, `workspaces ${root}`, () => workspaceFolders(root));
  if (folders.length === 0) return await alone(root);
  const manager = await managerOf(root, memo);
  const found: { folder: string; at: string; name: string | undefined }[] = [];
  const others: string[] = [];
  // The root of a workspace is in the image of none of its packages, unless it says itself that it has one.
  for (const at of [".", ...folders]) {
    const folder = join(root, at);
    const manifest = await readManifest(folder);
    const isOwn = at !== ".";
    const starts =
      (await hasSpec(folder)) ||
      (isOwn &&
        (manifest.scripts?.["start"] !== undefined ||
          frameworkOf({ folder, manifest, ...(manager && { manager }) }) !== undefined));
    if (starts) found.push({ folder, at, name: manifest.name });
    else if (isOwn) others.push(at);
  }
  if (found.length === 0) throw nothing(root, folders.length);
  return { packages: named(found), others };
}

/** Whether it has something to start is said when it is built. */
async function alone(root: string): Promise<Workspaces> {
  if (!isProject(root)) {
    throw new VarveError(
      "USAGE",
      `${root} has neither package.json nor varve.bake.json; name the folder of a workspace, or a file with targets`,
    );
  }
  const { name } = await readManifest(root);
  return { packages: named([{ folder: root, at: ".", name }]), others: [] };
}

async function managerOf(root: string, memo: Memo | undefined): Promise<string | undefined> {
  return await findProject(root, memo).then(
    ({ manager }) => (manager === "yarn-classic" ? "yarn" : manager),
    () => undefined,
  );
}

function named(
  found: readonly { folder: string; at: string; name: string | undefined }[],
): StartablePackage[] {
  const forms = found.map(({ folder, at, name = basename(folder) }) => [
    name.slice(name.lastIndexOf("/") + 1),
    name,
    at,
  ]);
  return found.map(({ folder }, index) => {
    const own = forms[index]!;
    const others = new Set(forms.filter((_, at) => at !== index).flat());
    const unique = own.filter((form) => !others.has(form));
    const [name = own[2]!, ...aliases] = unique;
    return { name, aliases: [...new Set([...aliases, own[2]!])], folder };
  });
}

function nothing(root: string, count: number): VarveError {
  return new VarveError(
    "USAGE",
    `none of the ${count} packages of ${root} has anything to start; give one a start script, or a varve.json that says what is run`,
  );
}
