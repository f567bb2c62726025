import { realpathSync } from "node:fs";
import { resolve } from "node:path";
import { NOBODYS, nestedPaths, withoutShells } from "../npm/nested.ts";
import type { NodeProject } from "../project.ts";
import { type Component, makeGraph, type ReferencesGraph } from "../references-graph.ts";
import { saidIn } from "../said.ts";
import { text } from "../yaml.ts";
import { leftOut } from "./left.ts";
import type { LockFacts } from "./lock-facts.ts";
import { isOutside, isSource, Outside } from "./outside.ts";
import { InstalledTree, type TreeOptions, type Unit } from "./tree.ts";

const ROOT = ".";

/**
 * Reads what a package manager has put into a project's `node_modules`, flat or linked. There is a component for each
 * installed package that the project needs: its folder, or, in a virtual store, the folder that holds it together with
 * the links to what it needs (`node_modules/.pnpm/a@1.0.0`). Each workspace package that is needed is one, and so is the
 * project. Of a workspace package's graph, `.` has nothing but the links in the root's `node_modules`.
 *
 * @throws VarveError `DANGLING_REFERENCE` if a package that is needed here isn't installed; `INVALID_GRAPH` if what is
 *   installed isn't what the lock file says, or is in a store for several projects
 */
export async function readInstalled(
  project: NodeProject,
  facts: LockFacts,
  options: TreeOptions,
): Promise<ReferencesGraph> {
  const { app } = project;
  const tree = new InstalledTree(project, facts, options);
  // All packages of a workspace are part of the project that its root is.
  const starts = app === ROOT ? [ROOT, ...project.workspaces] : [app];
  await tree.follow(starts);
  return graphOfUnits(project, { units: tree.units, ...leftOut(tree), facts });
}

/** What has been found of a project. */
interface Found {
  readonly units: ReadonlyMap<string, Unit>;
  /** Paths in units' folders that are in no component. */
  readonly left: readonly string[];
  /** Links to packages, and where these are, both relative to the project. */
  readonly links?: ReadonlyMap<string, string>;
  readonly facts: LockFacts;
}

/** The graph of a project's units. The project refers to its workspace's packages, and one of these to the root's folder. */
export function graphOfUnits(project: NodeProject, found: Found): ReferencesGraph {
  const { app, root } = project;
  const { left, facts } = found;
  const units = new Map(found.units);
  if (app === ROOT) for (const id of project.workspaces) units.get(ROOT)!.references.add(id);
  else if (!units.has(ROOT)) {
    units.set(ROOT, { id: ROOT, manifest: {}, references: new Set() });
    units.get(app)!.references.add(ROOT);
  }
  const outside = new Outside(realpathSync(root), units.keys());
  const nested = outside.isEmpty
    ? nestedPaths([...units.keys(), ...left])
    : outside.nested([...left, ...NOBODYS]);
  const links = outside.isEmpty ? undefined : outside.links(found.links ?? new Map());
  const components = [...units].map(([id, unit]): Component => {
    const path = resolve(root, id);
    const references = [...unit.references];
    const own = { path, nested: withoutShells(nested.get(id) ?? [], isSource(id) ? undefined : path) };
    const moved = links?.get(id);
    const isMoved = moved !== undefined || isOutside(id);
    const parts = [{ ...own, place: outside.placeOf(id), ...(moved && { links: moved }) }];
    return { id, references, ...described(unit, facts), ...own, ...(isMoved && { parts }) };
  });
  return makeGraph(components, {
    kind: "npm",
    origin: `the project ${root}`,
    ...(app !== ROOT && { app }),
  });
}

function described({ id, manifest }: Unit, { packages }: LockFacts): Partial<Component> {
  const [name, version] = [text(manifest["name"]), text(manifest["version"])];
  const locked = isSource(id) || name === undefined ? undefined : packages.find(name, version);
  return {
    ...(name !== undefined && { name }),
    ...(version !== undefined && { version }),
    ...(locked?.integrity !== undefined && { integrity: locked.integrity }),
    ...saidIn(manifest),
  };
}
