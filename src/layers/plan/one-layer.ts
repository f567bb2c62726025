/** An image whose components are all in one layer, as dockerTools' `buildImage` has it. */
import { VarveError } from "#errors";
import { rootTreeOf } from "#flatten";
import type { ReferencesGraph } from "#graph";
import type { Image } from "#image";
import { DEFAULT_MAX_LAYERS, type LayerBudget } from "#layering";
import type { ImageSpec } from "#spec";

/**
 * What goes into the one layer.
 * @throws VarveError `NO_LAYERS_LEFT`
 */
export function oneLayerBudget(
  { maxLayers = DEFAULT_MAX_LAYERS }: ImageSpec,
  base: Image | undefined,
): LayerBudget {
  const usedLayers = base?.layers.length ?? 0;
  if (usedLayers < maxLayers) return { maxLayers, usedLayers, available: 1 };
  throw new VarveError(
    "NO_LAYERS_LEFT",
    `the base image has ${usedLayers} layers, and maxLayers is ${maxLayers}, which leaves none for what is new; allow more`,
  );
}

/**
 * The ids of the components that a base doesn't have. If its history names the components of
 * all layers, that is believed; otherwise the layers are read. An npm project isn't looked for: equal paths don't mean equal content there.
 * @throws VarveError what reading the base's layers throws
 */
export async function missingFrom(base: Image | undefined, graph: ReferencesGraph): Promise<string[]> {
  const ids = [...graph.components.keys()];
  if (base === undefined || graph.kind !== "nix" || ids.length === 0) return ids;
  const named = new Set(base.layers.flatMap(({ components }) => components));
  if (ids.every((id) => named.has(id))) return [];
  const tree = await rootTreeOf(base);
  return ids.filter((id) => tree.get(id) === undefined);
}
