/** Reads the graph of a Node project for a platform, whichever one is installed. */
import { posix } from "node:path";
import { VarveError } from "#errors";
import {
  findProject,
  isInstalled,
  type ManifestStore,
  Manifests,
  type NodePlatform,
  type NodeProject,
  type ReferencesGraph,
  readNodeProject,
  thisPlatform,
  withoutComponents,
} from "#graph";
import { type Memo, once } from "#util";
import { makesNatives } from "./downloaders.ts";
import { asInstalled, type Merged, mergeTrees, nativesOf } from "./merge.ts";
import { missingError, missingNatives, requiredIds } from "./missing.ts";
import { withModules, withNested, withoutDangling } from "./modules.ts";
import { type Package, readPackage } from "./package.ts";
import { prebuildsIn } from "./prebuilds.ts";
import { isSamePlatform, nodePlatform, platformName, type TargetPlatform } from "./target.ts";
import { installTree, readTree, type TreeOptions } from "./tree.ts";

export interface ReadForOptions extends Omit<TreeOptions, "platform"> {
  /** What the image is for. */
  readonly platform: TargetPlatform;
  /** Tells the C library of the image, which may take reading its base. Asked only if it matters. */
  readonly libc: () => Promise<string | undefined>;
  /** Keeps what packages say of themselves from run to run. */
  readonly manifests?: ManifestStore | undefined;
  /** Knows what was read before for another package of the same workspace. */
  readonly memo?: Memo | undefined;
}

/** A project's graph for a platform. What it names can be read until it is disposed of. */
export interface PlatformGraph extends Disposable {
  readonly graph: ReferencesGraph;
  /** This graph, or a part of it, as if all of it were installed in the project's folder. */
  asInstalled(graph: ReferencesGraph): ReferencesGraph;
  /** Ids of what is installed in the project's folder, and isn't in the graph. */
  readonly elsewhere: ReadonlySet<string>;
}

/**
 * Reads a project's packages for a platform. If another one is what is installed, and any package depends on that, they are
 * installed for it elsewhere, see {@link installTree}; those that are equal are taken from the project's folder. What packages
 * bring for other platforms is left out.
 * @param folder the project's, or that of a workspace's package
 * @throws VarveError `UNSUPPORTED_PLATFORM` for packages that can't be made for the platform; what reading the project
 *   and installing throw
 */
export async function readForPlatform(folder: string, options: ReadForOptions): Promise<PlatformGraph> {
  const { omitDev, memo } = options;
  const manifests = once(memo, "manifests", () => new Manifests(options.manifests));
  const here = await readNodeProject(folder, { omitDev, manifests, memo });
  const packages: Package[] = [];
  for (const component of here.components.values()) {
    if (!isInstalled(component.id)) continue;
    const read = await once(memo, `package ${component.path}`, () => readPackage(component, manifests));
    packages.push({ ...read, component });
  }
  manifests.keep();
  const asked = options.platform;
  const libc = asked.libc ?? (packages.some(dependsOnLibc) ? await options.libc() : undefined);
  const platform = nodePlatform({ ...asked, libc });
  const isHere = isSamePlatform(platform, thisPlatform());
  const depends = packages.some((each) => dependsOnPlatform(each, here));
  if (isHere || !depends) {
    const fit = fitting(here, packages, platform);
    const graph = depends ? withModules(fit, `the project ${folder}`) : fit;
    return {
      graph,
      asInstalled: (part) => part,
      elsewhere: elsewhereOf(here, graph),
      [Symbol.dispose]() {},
    };
  }
  const project = await findProject(folder, memo);
  return await readElsewhere(project, { here, herePackages: packages, options: { ...options, platform } });
}

async function readElsewhere(
  project: NodeProject,
  {
    here,
    herePackages,
    options,
  }: { here: ReferencesGraph; herePackages: readonly Package[]; options: TreeOptions },
): Promise<PlatformGraph> {
  const { platform, onNote } = options;
  const { root, app } = project;
  const outside = [...here.components.keys()].find((id) => id.startsWith("../"));
  if (outside !== undefined) throw outsideError(outside, { root, platform });
  const tree = await installTree(project, options);
  try {
    const there = await readTree(tree.root, { app, options });
    const merged = await mergeTrees({ root, here, there });
    const { packages } = merged;
    let graph = fitting(merged.graph, packages, platform);
    const { failures } = tree;
    const missing = missingNatives(graph, packages, { platform, here, herePackages, failures });
    const required = requiredIds(graph, packages);
    const fatal = missing.filter(({ id }) => required.has(id));
    if (fatal.length > 0) throw missingError(fatal, platform);
    for (const { name, why } of missing) {
      onNote?.(`${name}, which is optional, isn't in the image for ${platformName(platform)}: ${why}`);
    }
    const left = missing.map(({ id }) => id);
    graph = withoutDangling(withoutComponents(graph, left), tree.root);
    return {
      graph,
      asInstalled: (part) => asInstalled(part, { root, tree: tree.root }),
      elsewhere: elsewhereOf(here, graph),
      [Symbol.dispose]: () => tree[Symbol.dispose](),
    };
  } catch (error) {
    tree[Symbol.dispose]();
    throw error;
  }
}

/** Whoever installs in another folder doesn't find what lies around the project. */
function outsideError(id: string, { root, platform }: { root: string; platform: NodePlatform }): VarveError {
  return new VarveError(
    "UNSUPPORTED_PLATFORM",
    `${root} needs ${id}, a folder outside of it, with which its packages can't be installed for ${platformName(platform)} here; move it into the project's folder or its workspace, or build on that platform`,
  );
}

function elsewhereOf(here: ReferencesGraph, graph: ReferencesGraph): ReadonlySet<string> {
  return new Set([...here.components.keys()].filter((id) => !graph.components.has(id)));
}

function hasPrebuilds(folder: string): boolean {
  const { foreign, fits } = prebuildsIn(folder, thisPlatform());
  return fits || foreign.length > 0;
}

/** Whether a package is another one, or has other files, where another C library is. */
function dependsOnLibc(each: Package): boolean {
  return each.asksLibc || hasPrebuilds(each.folder) || isBuilt(each);
}

/** Whether a package is another one, or has other files, where another platform is. */
function dependsOnPlatform(each: Package, here: ReferencesGraph): boolean {
  const names = new Set(each.component.references.map((id) => here.components.get(id)?.name));
  return each.isPicky || isBuilt(each) || [...each.optional].some((name) => !names.has(name));
}

/** Whether a package gets machine code when it is installed. */
function isBuilt(each: Package): boolean {
  return each.hasGyp || makesNatives(each.script) || (each.script !== "" && nativesOf(each).length > 0);
}

/** The graph without packages for other platforms, and of each without what it brings for those. */
function fitting(
  graph: ReferencesGraph,
  packages: readonly (Package | Merged)[],
  platform: Parameters<Package["fits"]>[0],
): ReferencesGraph {
  const unfit = packages.filter((each) => each.isPicky && !each.fits(platform));
  const kept = withoutComponents(
    graph,
    unfit.map(({ component }) => component.id),
  );
  const components = new Map(kept.components);
  for (const { component, folder } of packages) {
    const present = components.get(component.id);
    const { foreign } = present === undefined ? { foreign: [] } : prebuildsIn(folder, platform);
    if (present === undefined || foreign.length === 0) continue;
    const inside = folder.slice(component.path.length + 1);
    const nested = [...(present.nested ?? []), ...foreign.map((path) => posix.join(inside, path))];
    components.set(component.id, withNested(present, nested));
  }
  return { ...kept, components };
}
