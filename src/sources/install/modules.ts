/** What a project has in its `node_modules` besides packages: links to these, and to their commands. */
import { lstatSync, readdirSync, realpathSync } from "node:fs";
import { join, posix, relative, resolve } from "node:path";
import { type Component, isInstalled, isModules, makeGraph, type ReferencesGraph } from "#graph";
import { fsPath, sortNames } from "#util";

const MODULES = "node_modules";

/**
 * The project, or one of its workspace's packages, without its `node_modules`, and that as a component of its own: of a
 * project with other packages on each platform, the one is the same on all.
 */
export function splitModules(component: Component): [own: Component, modules: Component | undefined] {
  const { id, path, nested = [] } = component;
  const folder = join(path, MODULES);
  const inside = nested.filter((below) => below.startsWith(`${MODULES}/`));
  const outside = nested.filter((below) => below !== MODULES && !inside.includes(below));
  const [links, modulesLinks] = splitLinks(component);
  const own = withNested(component, [...outside, MODULES], links);
  const isThere = lstatSync(fsPath(folder), { throwIfNoEntry: false })?.isDirectory() === true;
  if (!isThere || nested.includes(MODULES)) return [own, undefined];
  const modules: Component = { id: posix.join(id, MODULES), path: folder, references: [] };
  const parts = component.parts?.map(({ place }) => ({ path: folder, place: posix.join(place, MODULES) }));
  const left = inside.map((below) => below.slice(MODULES.length + 1));
  return [own, withNested({ ...modules, ...(parts && { parts }) }, left, modulesLinks)];
}

type Links = ReadonlyMap<string, string>;

/** What links of a component that has folders outside of the project lead to: those in its `node_modules` apart, and relative to that. */
function splitLinks({ parts }: Component): [own: Links, modules: Links] {
  const links = [...(parts?.[0]?.links ?? [])];
  const isInside = ([path]: readonly [string, string]) => path.startsWith(`${MODULES}/`);
  const inside = links.filter(isInside).map(([path, to]) => [path.slice(MODULES.length + 1), to] as const);
  return [new Map(links.filter((link) => !isInside(link))), new Map(inside)];
}

/** The component without other paths than these; of one that isn't where its id says, that is its only part. */
export function withNested(component: Component, paths: readonly string[], links?: Links): Component {
  const nested = sortNames([...paths]);
  const [part] = component.parts ?? [];
  if (part === undefined) return { ...component, nested };
  const known = links ?? part.links;
  const { links: _, ...rest } = part;
  const only = { ...rest, nested, ...(known && known.size > 0 && { links: known }) };
  return { ...component, nested, parts: [only] };
}

/** The graph in which each `node_modules` of the project's own is a component. */
export function withModules(graph: ReferencesGraph, origin: string): ReferencesGraph {
  const components = [...graph.components.values()].flatMap((component) => {
    if (isInstalled(component.id)) return [component];
    const [own, modules] = splitModules(component);
    if (modules === undefined) return [component];
    return [{ ...own, references: [...own.references, modules.id] }, modules];
  });
  const { kind, app } = graph;
  return makeGraph(components, { kind, origin, app });
}

/**
 * The graph without links that lead to what isn't in it.
 * @param root the folder of a tree that was installed; `node_modules` elsewhere are left alone
 */
export function withoutDangling(graph: ReferencesGraph, root: string): ReferencesGraph {
  const components = new Map(graph.components);
  for (const [id, component] of components) {
    if (posix.basename(id) !== MODULES || !component.path.startsWith(`${root}/`)) continue;
    const nested = component.nested ?? [];
    const dangling = linksBelow(component.path, nested).filter((link) => {
      return !leadsInto(graph, { root, link: join(component.path, link) });
    });
    if (dangling.length > 0)
      components.set(id, { ...component, nested: sortNames([...nested, ...dangling]) });
  }
  return { ...graph, components };
}

function linksBelow(folder: string, nested: readonly string[]): string[] {
  const left = new Set(nested);
  const links: string[] = [];
  const visit = (below: string): void => {
    for (const entry of readdirSync(fsPath(join(folder, below)), { withFileTypes: true })) {
      const path = posix.join(below, entry.name);
      if (left.has(path)) continue;
      if (entry.isSymbolicLink()) links.push(path);
      else if (entry.isDirectory()) visit(path);
    }
  };
  visit("");
  return links;
}

function leadsInto(
  { components }: ReferencesGraph,
  { root, link }: { readonly root: string; readonly link: string },
): boolean {
  let target: string;
  try {
    target = relative(root, realpathSync(fsPath(link)).toString());
  } catch {
    return false;
  }
  for (let id = target; ; id = posix.dirname(id)) {
    const isBelow = isInstalled(id) || isModules(id);
    if (components.has(id) && (isBelow || !isInstalled(target))) return true;
    if (id === "." || resolve(root, id) === root) return false;
  }
}
