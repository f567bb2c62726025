/** What a Node project's folder is: of which workspace, and installed by which package manager. */
import { existsSync } from "node:fs";
import { dirname, join, relative, resolve } from "node:path";
import { VarveError } from "#errors";
import { type Memo, once } from "#util";
import { isObject, readText } from "./file.ts";
import { readManifest, workspaceFolders } from "./workspace.ts";

export type PackageManager = "npm" | "pnpm" | "yarn" | "yarn-classic" | "bun";

/** A project that a package manager has installed. */
export interface NodeProject {
  /** The absolute path of the folder that has the lock file. */
  readonly root: string;
  /** What was asked for, relative to the root: `.`, or a workspace package's folder. */
  readonly app: string;
  readonly manager: PackageManager;
  /** The lock file's absolute path. */
  readonly lockFile: string;
  /** The folders of all workspace packages, relative to the root, in order. */
  readonly workspaces: readonly string[];
}

/** Lock files by their managers, and what else of a manager's is in `node_modules` once it has installed. */
const LOCKS: readonly {
  manager: "npm" | "pnpm" | "yarn" | "bun";
  files: readonly string[];
  state: readonly string[];
}[] = [
  {
    manager: "npm",
    files: ["npm-shrinkwrap.json", "package-lock.json", "node_modules/.package-lock.json"],
    state: [".package-lock.json"],
  },
  { manager: "pnpm", files: ["pnpm-lock.yaml"], state: [".modules.yaml", ".pnpm"] },
  { manager: "yarn", files: ["yarn.lock"], state: [".yarn-integrity", ".yarn-state.yml", ".store"] },
  { manager: "bun", files: ["bun.lock", "bun.lockb"], state: [".bun"] },
];

/**
 * What a manager's own command is called that installs just what the lock file says.
 * @param isOwn whether it is for what a package.json of the project's own asks for: what the lock file lacks of that, npm ci refuses
 */
export function installCommand(manager: PackageManager, isOwn = false): string {
  if (manager === "npm") return isOwn ? "npm install" : "npm ci";
  return `${manager === "yarn-classic" ? "yarn" : manager} install`;
}

/** The error for a `package.json` that was changed after the lock file: what is locked isn't what it asks for any more. */
export function olderLock(
  { root, lockFile, manager }: Pick<NodeProject, "root" | "lockFile" | "manager">,
  { from, name, range, version }: { from: string; name: string; range: string; version: string },
): VarveError {
  return new VarveError(
    "INVALID_GRAPH",
    `${lockFile} is older than ${join(root, from, "package.json")}, which asks for ${name} ${range}: ${version} is locked; run \`${installCommand(manager, true)}\` in ${root}`,
  );
}

/** Whether a file's name is that of a lock file which isn't JSON, or not npm's. */
export function isLockName(name: string): boolean {
  return LOCKS.some(({ manager, files }) => manager !== "npm" && files.includes(name));
}

/** Whether a folder itself has a lock file. */
export function hasLock(folder: string): boolean {
  return LOCKS.some(({ files }) => files.some((name) => existsSync(join(folder, name))));
}

/**
 * Tells of which project a folder is: its own, or that of the nearest folder above it with a lock file whose workspace it
 * belongs to.
 * @param memo knows the workspace where another of its folders was asked for before
 * @throws VarveError `INVALID_GRAPH` if there is no lock file, or several and nothing says which one counts
 */
export async function findProject(folder: string, memo?: Memo): Promise<NodeProject> {
  const start = resolve(folder);
  for (let root = start; ; root = dirname(root)) {
    const locks = LOCKS.flatMap(({ manager, files, state }) => {
      const file = files.map((name) => join(root, name)).find((path) => existsSync(path));
      return file === undefined ? [] : [{ manager, file, state }];
    });
    if (locks.length > 0) {
      const app = relative(root, start) || ".";
      const workspaces = await once(memo, `workspaces ${root}`, () => workspaceFolders(root));
      if (app !== "." && !workspaces.includes(app)) break;
      const installed = await once(memo, `manager ${root}`, async () => {
        const { manager, file } = await chosen(root, locks);
        return { manager: await withVersion(manager, file), lockFile: file };
      });
      return { root, app, ...installed, workspaces };
    }
    if (dirname(root) === root) break;
  }
  throw new VarveError(
    "INVALID_GRAPH",
    `${start} has no lock file, nor is it part of a workspace that has one: ${LOCKS.map(({ files }) => (files[0] === "npm-shrinkwrap.json" ? files[1] : files[0])).join(", ")} are what varve reads; run npm install, or that of your package manager`,
  );
}

type Found = { manager: "npm" | "pnpm" | "yarn" | "bun"; file: string; state: readonly string[] };

/** The lock that `packageManager` in `package.json` means, or whose manager has installed what is there. */
async function chosen(root: string, locks: readonly Found[]): Promise<Found> {
  const [only] = locks;
  if (locks.length === 1) return only!;
  const manifest = (await readManifest(root)) ?? {};
  const engines = isObject(manifest["devEngines"]) ? manifest["devEngines"]["packageManager"] : undefined;
  const said = manifest["packageManager"] ?? (isObject(engines) ? engines["name"] : undefined);
  const name = typeof said === "string" ? said.split("@")[0] : undefined;
  const named = locks.find(({ manager }) => manager === name);
  if (named !== undefined) return named;
  const installed = locks.filter(({ state }) =>
    state.some((file) => existsSync(join(root, "node_modules", file))),
  );
  if (installed.length === 1) return installed[0]!;
  throw new VarveError(
    "INVALID_GRAPH",
    `${root} has the lock files of several package managers (${locks.map(({ manager }) => manager).join(", ")}); set "packageManager" in its package.json, or remove those that aren't used`,
  );
}

async function withVersion(manager: Found["manager"], file: string): Promise<PackageManager> {
  if (manager !== "yarn") return manager;
  return /^__metadata:/m.test(await readText(file)) ? "yarn" : "yarn-classic";
}
