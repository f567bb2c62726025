/**
 * The layers of a Node project: what is changed most often is on top. From the bottom up there are what has been
 * installed, the workspace's other packages, and the project's own files, which have a layer for themselves.
 */
import { kindOf, type ReferencesGraph, withoutComponents } from "#graph";
import { compareNames } from "#util";
import { keysOf } from "./key.ts";
import type { PlanInput, Strategy } from "./plan.ts";
import { contiguous } from "./steady/contiguous.ts";
import { expectedUpdates } from "./steady/expected-updates.ts";
import { idsOf, layersOfGroups, MAX_MODEL_NODES, updateModel } from "./update-model.ts";

/**
 * Plans a Node project. `strategy` divides what has been installed.
 *
 * With room for one layer all is in it; with two, the project's own files are one; with three, the workspace's packages, if
 * there are some, another. Of what is left beside the project's layer these take half at most.
 */
export function projectLayers(strategy: Strategy, input: PlanInput): string[][] {
  const { graph, available } = input;
  const known = { ...input, keys: keysOf(graph), ...expectedUpdates(graph, input) };
  const parts = { app: [] as string[], workspace: [] as string[], dependency: [] as string[] };
  for (const id of graph.components.keys()) parts[kindOf(graph, id)].push(id);
  const only = (ids: readonly string[]): ReferencesGraph => {
    const wanted = new Set(ids);
    return withoutComponents(
      graph,
      [...graph.components.keys()].filter((id) => !wanted.has(id)),
    );
  };
  const inOrder = (ids: readonly string[]): string[] =>
    [...ids].sort((a, b) => compareNames(known.keys.get(a)!, known.keys.get(b)!));

  const { app, workspace, dependency } = parts;
  if (available === 1) return [inOrder([...graph.components.keys()])].filter((group) => group.length > 0);
  const room = available - Math.min(app.length, 1);
  if (room === 1) return [inOrder([...dependency, ...workspace]), app].filter((group) => group.length > 0);

  const share = dependency.length === 0 ? room : Math.floor(room / 2);
  const upper =
    workspace.length === 0 ? [] : workspaceLayers(workspace, { ...known, only, available: share });
  const lower =
    dependency.length === 0
      ? []
      : installedLayers(strategy, { ...known, graph: only(dependency), available: room - upper.length });
  return [...lower, ...upper, app].filter((group) => group.length > 0);
}

/** Of what has been installed. */
function installedLayers(strategy: Strategy, input: PlanInput): string[][] {
  const groups = strategy.plan(input);
  if (strategy.keepsOrder || input.graph.components.size > MAX_MODEL_NODES) return groups;
  return orderByChange(groups, input);
}

/** Of the workspace's packages: one each, if there is room. The root's folder is the lowest, since it has what follows from all. */
function workspaceLayers(
  ids: readonly string[],
  { only, available, ...input }: PlanInput & { only: (ids: readonly string[]) => ReferencesGraph },
): string[][] {
  const layersOf = (part: readonly string[], most: number): string[][] => {
    const graph = only(part);
    const model = updateModel({ ...input, graph });
    const groups = contiguous(model, most).map((nodes) => idsOf({ nodes }, model));
    return orderByChange(groups, { ...input, graph, available: most });
  };
  const root = ids.filter((id) => id === ".");
  const others = ids.filter((id) => id !== ".");
  if (root.length === 0 || others.length === 0 || available === 1) return layersOf(ids, available);
  return [root, ...layersOf(others, available - 1)];
}

/**
 * Layers in the order of how likely they are to change for their size, the least likely at the bottom; then the larger
 * one, then by key. Since packages change by themselves, this is what the classic Docker Engine fetches least with.
 */
export function orderByChange(groups: readonly (readonly string[])[], input: PlanInput): string[][] {
  const model = updateModel(input);
  const layers = layersOfGroups(groups, model).map((layer, at) => {
    return { ids: [...groups[at]!], layer, key: layer.nodes[0]!.key };
  });
  layers.sort((a, b) => {
    const [left, right] = [a, b].map(({ layer }) => BigInt(Math.max(layer.bytes, 1)));
    const order = BigInt(a.layer.weight) * right! - BigInt(b.layer.weight) * left!;
    if (order !== 0n) return order < 0n ? -1 : 1;
    return b.layer.bytes - a.layer.bytes || compareNames(a.key, b.key);
  });
  return layers.map(({ ids }) => ids);
}
