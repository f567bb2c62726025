import { lstatSync, type Stats } from "node:fs";
import { posix, resolve } from "node:path";
import { readError, VarveError } from "#errors";
import { type NodePlatform, thisPlatform } from "../installed/lock-facts.ts";
import { Manifests } from "../manifests.ts";
import { installCommand } from "../project.ts";
import { type Component, makeGraph, type ReferencesGraph } from "../references-graph.ts";
import { saidIn } from "../said.ts";
import { checkInstalled } from "./installed.ts";
import { installedName, type LockEntry, type NpmLock, type NpmManifest, readNpmLock } from "./lock.ts";
import { cachesIn, nestedPaths, withoutShells } from "./nested.ts";

/** The id of the project itself, whose key in a lock file is the empty string. */
const ROOT = ".";

/** Which npm project to read, and what of it. */
export interface NpmGraphOptions {
  /** The project's folder. */
  readonly project: string;
  /** Its lock file (version 2 or 3); by default the one that says what is installed. */
  readonly lockFile?: string;
  /** Leave out packages that are needed for development only. */
  readonly omitDev?: boolean;
  /** Where the packages have to be usable; by default where this process runs. */
  readonly platform?: NodePlatform;
}

/**
 * Reads an installed npm tree. There is a component for each installed package, its id being the package's key in
 * the lock file (`node_modules/a/node_modules/b`), one for each workspace (`packages/a`) and one, `.`, for the
 * project itself. References are resolved as Node resolves them, and links followed to what they lead to.
 *
 * Together the components have each file of the project once, but for `.git`, npm's own list of what is
 * installed and packages that were left out: see {@link Component.nested}. A `.bin` folder or a workspace's link
 * belongs to the component in whose `node_modules` it is.
 *
 * @throws {VarveError} INVALID_GRAPH if there is no lock file, it is of no known version, or what it lists isn't
 *   installed; DANGLING_REFERENCE if a package needs one that isn't there.
 */
export async function readNpmGraph(options: NpmGraphOptions): Promise<ReferencesGraph> {
  const project = resolve(options.project);
  const { omitDev = false, platform = thisPlatform() } = options;
  const lock = await readNpmLock(project, options.lockFile);
  if (options.lockFile === undefined) await checkInstalled(lock, { project, platform });
  return await npmGraph(lock, { project, omitDev, manifests: new Manifests() });
}

/** As {@link readNpmGraph}, by a lock file that was read. */
export async function npmGraph(lock: NpmLock, options: TreeOptions): Promise<ReferencesGraph> {
  const { project, manifests } = options;
  const tree = new InstalledTree(lock, options);
  const sources = [ROOT, ...[...tree.packages.keys()].filter((key) => installedName(key) === undefined)];
  const nested = nestedPaths([ROOT, ...tree.packages.keys(), ...tree.left, ...cachesIn(project, sources)]);
  const components: Component[] = [];
  for (const [key, manifest] of [[ROOT, lock.root] as const, ...tree.packages]) {
    const name = manifest.name ?? tree.nameOf(key);
    const integrity = lock.entries.get(key)?.integrity;
    const said = saidIn((await manifests.of(resolve(project, key))) ?? {});
    components.push({
      id: key,
      path: resolve(project, key),
      references: tree.referencesOf(key, manifest),
      ...(name === undefined ? {} : { name }),
      ...(manifest.version === undefined ? {} : { version: manifest.version }),
      ...(integrity === undefined ? {} : { integrity }),
      ...said,
      nested: withoutShells(nested.get(key) ?? [], installedName(key) && resolve(project, key)),
    });
  }
  return makeGraph(components, { kind: "npm", origin: `the npm project ${project}` });
}

interface TreeOptions {
  readonly project: string;
  readonly omitDev: boolean;
  readonly manifests: Manifests;
}

/** What is there of a lock file's packages, by key. */
class InstalledTree {
  /** The packages that become components. */
  readonly packages = new Map<string, LockEntry>();
  /** Keys of packages and links that may be on the disk, but don't become components. */
  readonly left: string[] = [];
  /** The keys that links lead to, by the links' own keys. */
  readonly #links = new Map<string, string>();
  readonly #lock: NpmLock;
  readonly #options: TreeOptions;

  constructor(lock: NpmLock, options: TreeOptions) {
    this.#lock = lock;
    this.#options = options;
    for (const [key, entry] of lock.entries) {
      const isThere = (entry.dev !== true || !options.omitDev) && this.#isInstalled(key, entry);
      if (!isThere) this.left.push(key);
      else if (entry.link === true) this.#links.set(key, this.#linkTarget(key, entry));
      else this.packages.set(key, entry);
    }
    for (const [key, target] of this.#links) {
      if (this.packages.has(target)) continue;
      this.#links.delete(key);
      this.left.push(key);
    }
  }

  /** The name by which others find a package. */
  nameOf(key: string): string | undefined {
    const name = installedName(key);
    if (name !== undefined) return name;
    for (const [link, target] of this.#links) if (target === key) return installedName(link);
    return undefined;
  }

  /** The ids of what a package needs, as far as it is installed. */
  referencesOf(key: string, manifest: NpmManifest): string[] {
    const found: string[] = [];
    const add = (names: object | undefined, isRequired: (name: string) => boolean): void => {
      for (const name of Object.keys(names ?? {})) {
        const target = this.#resolve(key, name);
        if (target !== undefined) found.push(target);
        else if (isRequired(name)) throw this.#missing(key, name);
      }
    };
    const optional = manifest.optionalDependencies ?? {};
    // npm counts a name that is in both lists as optional.
    add(manifest.dependencies, (name) => !Object.hasOwn(optional, name));
    add(optional, () => false);
    // Peers may be left out on purpose (`--omit=peer`, `--legacy-peer-deps`), optional ones or not.
    add(manifest.peerDependencies, () => false);
    const isSource = installedName(key) === undefined;
    if (isSource && !this.#options.omitDev) add(manifest.devDependencies, () => false);
    if (key === ROOT) found.push(...this.#ownLinks());
    return found;
  }

  /** Workspaces are part of the project, whether it names them as dependencies or not. */
  #ownLinks(): string[] {
    return [...this.#links].flatMap(([key, target]) => {
      const isTop = key === `node_modules/${installedName(key)}`;
      return isTop && this.#lock.entries.get(key)?.extraneous !== true ? [target] : [];
    });
  }

  /** Node's way: `node_modules` of the package's own folder, then of each folder above it. */
  #resolve(from: string, name: string): string | undefined {
    for (let folder = from; ; folder = posix.dirname(folder)) {
      const key = posix.join(folder, "node_modules", name);
      if (this.packages.has(key)) return key;
      const target = this.#links.get(key);
      if (target !== undefined) return target;
      if (folder === "." || posix.basename(folder) === "..") return undefined;
    }
  }

  /** Whether a package of the lock file is on the disk. Only what npm may have left out may be missing. */
  #isInstalled(key: string, entry: LockEntry): boolean {
    const path = resolve(this.#options.project, key);
    const stats = lookAt(path);
    if (entry.link === true ? stats?.isSymbolicLink() : stats?.isDirectory()) return true;
    const mayMiss = entry.optional || entry.dev || entry.devOptional || entry.peer;
    if (stats === undefined && mayMiss) return false;
    const problem =
      stats === undefined
        ? "is not installed"
        : entry.link
          ? "should be a link"
          : "should be a folder and is not";
    throw new VarveError(
      "INVALID_GRAPH",
      `${path}, which ${this.#lock.file} lists, ${problem}; run \`npm ci\` in ${this.#options.project}`,
    );
  }

  #linkTarget(key: string, entry: LockEntry): string {
    const target = entry.resolved;
    if (target !== undefined && this.#lock.entries.has(target)) return target;
    throw new VarveError(
      "INVALID_GRAPH",
      `${this.#lock.file} has a link ${key} to ${JSON.stringify(target)}, which it has no entry for`,
    );
  }

  #missing(key: string, name: string): VarveError {
    const { project } = this.#options;
    const advice = installCommand("npm", installedName(key) === undefined);
    return new VarveError(
      "DANGLING_REFERENCE",
      `${key === ROOT ? `the project ${project}` : key} needs ${name}, which is not installed; run \`${advice}\` in ${project}`,
    );
  }
}

function lookAt(path: string): Stats | undefined {
  try {
    return lstatSync(path, { throwIfNoEntry: false });
  } catch (error) {
    throw readError(path, error);
  }
}
