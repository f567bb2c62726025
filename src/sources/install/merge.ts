/** The packages of two trees as one graph: what is equal comes from what the project has installed. */
import { existsSync, readdirSync, readlinkSync } from "node:fs";
import { join, posix, resolve } from "node:path";
import { type Component, isInstalled, makeGraph, type NodePlatform, type ReferencesGraph } from "#graph";
import { fsPath } from "#util";
import { splitModules } from "./modules.ts";
import { type Native, nativesIn } from "./natives.ts";
import { type Package, readPackage } from "./package.ts";

export interface Trees {
  /** The project's folder, or its workspace's. */
  readonly root: string;
  /** What is installed there. */
  readonly here: ReferencesGraph;
  /** What was installed for another platform. */
  readonly there: ReferencesGraph;
}

/** A package of the merged graph. */
export interface Merged extends Package {
  /** Machine code that it has as it was installed here, and that was made or fetched here. */
  readonly madeHere: readonly Native[];
}

/**
 * The graph for the other platform. The project's own files are where they are. A package is taken from what is installed here,
 * with what scripts and patches have made of it, if that has the same version, leads to the same packages, and has no
 * machine code that it wasn't published with.
 */
export async function mergeTrees(
  trees: Trees,
): Promise<{ graph: ReferencesGraph; packages: readonly Merged[] }> {
  const { root, here, there } = trees;
  const packages: Merged[] = [];
  const components: Component[] = [];
  for (const component of there.components.values()) {
    const same = here.components.get(component.id);
    if (!isInstalled(component.id)) {
      // What isn't packages in its `node_modules`, such as links, leads to packages of the other tree.
      const [, modules] = splitModules(component);
      const [own] = splitModules({ ...(same ?? component), path: resolve(root, component.id) });
      const references = [...component.references, ...(modules === undefined ? [] : [modules.id])];
      components.push({ ...own, references }, ...(modules === undefined ? [] : [modules]));
      continue;
    }
    const read = await readPackage(component);
    const madeHere = same === undefined ? [] : await madeOf(read, same);
    packages.push({ ...read, madeHere });
    const isEqual = same !== undefined && isSameVersion(component, same) && sameLinks(component, same);
    const { references } = component;
    components.push(isEqual && madeHere.length === 0 ? { ...same, references } : component);
  }
  const { app } = there;
  const graph = makeGraph(components, {
    kind: "npm",
    origin: `the project ${root}`,
    ...(app !== undefined && { app }),
  });
  return { graph, packages };
}

/** The same graph as if what is in a tree were installed in the project's folder; what is elsewhere stays there. */
export function asInstalled(
  graph: ReferencesGraph,
  { root, tree }: { readonly root: string; readonly tree: string },
): ReferencesGraph {
  const moved = <T extends { readonly path: string }>(at: T): T =>
    at.path === tree || at.path.startsWith(`${tree}/`)
      ? { ...at, path: join(root, at.path.slice(tree.length)) }
      : at;
  const components = [...graph.components].map(([id, component]) => {
    const { parts } = component;
    return [id, { ...moved(component), ...(parts && { parts: parts.map(moved) }) }] as const;
  });
  return { ...graph, components: new Map(components) };
}

/** Links to packages in a `node_modules`, relative to the root. */
function linksIn(folder: string, root: string): string[] {
  const links: string[] = [];
  const look = (below: string): void => {
    for (const entry of entriesIn(join(root, below))) {
      const path = posix.join(below, entry.name);
      if (entry.isSymbolicLink() && existsSync(fsPath(join(root, path)))) links.push(path);
      else if (entry.isDirectory() && entry.name.startsWith("@") && below === folder) look(path);
    }
  };
  look(folder);
  return links;
}

function entriesIn(folder: string) {
  try {
    return readdirSync(fsPath(folder), { withFileTypes: true });
  } catch {
    return [];
  }
}

function isSameVersion(a: Component, b: Component): boolean {
  return a.name === b.name && a.version === b.version && a.integrity === b.integrity;
}

/** Whether what lies beside a package in a virtual store is the same. */
function sameLinks(a: Component, b: Component): boolean {
  const links = ({ path, nested = [] }: Component) => {
    const left = new Set(nested);
    const isIn = (link: string) => !left.has(link) && !left.has(posix.dirname(link));
    return linksIn("node_modules", path)
      .filter(isIn)
      .map((link) => [link, readlinkSync(fsPath(join(path, link)))]);
  };
  return JSON.stringify(links(a).sort()) === JSON.stringify(links(b).sort());
}

/** What a package's scripts have made or fetched here. Without scripts there is nothing to look for. */
async function madeOf(there: Package, same: Component): Promise<Native[]> {
  if (there.script === "" && !there.hasGyp) return [];
  const here = await readPackage(same);
  const known = new Map(nativesOf(there).map((native) => [native.path, native]));
  return nativesOf(here).filter(({ path, size, cpu, os }) => {
    const published = known.get(path);
    return published?.size !== size || published.cpu !== cpu || published.os !== os;
  });
}

/** A package's own machine code. */
export function nativesOf({ component, folder }: Package): Native[] {
  const inside = folder === component.path ? "" : `${folder.slice(component.path.length + 1)}/`;
  const nested = (component.nested ?? []).filter((path) => path.startsWith(inside));
  const exclude = [...nested.map((path) => path.slice(inside.length)), "node_modules"];
  return component.id.endsWith(".zip") ? [] : nativesIn(folder, exclude);
}

/** Whether a package has machine code for a platform. */
export function hasNative(natives: readonly Native[], { os, cpu }: NodePlatform): boolean {
  return natives.some((native) => native.os === os && native.cpu === cpu);
}
