/** Where in an image what is put in its root has its layer. */
import { type Component, kindOf, type ReferencesGraph } from "#graph";
import { type ImageSpec, SCRIPT_FIELDS } from "#spec";
import { isThere, type Placement } from "./placement.ts";

/** - `top`: above all components. `below`: below a Node project's own files and its workspace's. `none`: there is no such layer. */
export type RootPlace = "top" | "below" | "none";

/**
 * Where the layer is. In an image of store paths there always is one, and it is the last. A Node project's own files change
 * more often than anything else, so it is below these, if they don't hide any of it.
 */
export function rootPlaceOf(
  spec: ImageSpec,
  { graph, placement }: { graph: ReferencesGraph; placement: Placement },
): RootPlace {
  const hasComponents = spec.includeStorePaths && graph.components.size > 0;
  if (graph.kind !== "npm" || !spec.layered || !hasComponents) return "top";
  // What scripts do isn't known before, and has to be the last word.
  if (SCRIPT_FIELDS.some((field) => spec[field] !== undefined && spec[field] !== "")) return "top";
  const trees = [...spec.copyToRoot, ...spec.contents];
  const { fakeNss, binSh, usrBinEnv, caCertificates, tmp } = spec;
  if (trees.length === 0 && ![fakeNss, binSh, usrBinEnv, caCertificates, tmp].some(Boolean)) return "none";
  const own = [...graph.components.values()].filter(({ id }) => kindOf(graph, id) !== "dependency");
  const folders = own.flatMap(({ id }: Component) => placement.trees(id).map(({ target }) => target));
  const isHidden = trees.some((tree) => folders.some((folder) => isThere(tree + folder)));
  return isHidden ? "top" : "below";
}

interface Planned {
  readonly graph: ReferencesGraph;
  readonly baseLayers: number;
  readonly rootPlace: RootPlace;
}

/** How many of some layers of components are below that of the root; undefined if there is no such layer. */
export function belowRoot(
  { graph, rootPlace }: Pick<Planned, "graph" | "rootPlace">,
  groups: readonly (readonly string[])[],
): number | undefined {
  if (rootPlace === "none") return undefined;
  if (rootPlace === "top") return groups.length;
  const isDependency = (id: string) => kindOf(graph, id) === "dependency";
  return groups.filter((ids) => ids.every(isDependency)).length;
}

/** The numbers that these layers of components have in the image, whose lowest is 1. */
export function layerNumbers(plan: Planned, groups: readonly (readonly string[])[]): number[] {
  const below = belowRoot(plan, groups);
  return groups.map((_, at) => plan.baseLayers + at + (below !== undefined && below <= at ? 2 : 1));
}
