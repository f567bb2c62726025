/** What is in the layers of an image that was built, as people tell them apart. */
import { type ComponentKind, isModules, kindOf, type ReferencesGraph } from "#graph";
import type { Image } from "#image";
import { nameOf } from "#report";

/**
 * - `app`: the project's own files. - `workspace`: packages of its workspace. - `dependencies`: packages that a package
 *   manager has installed. - `store paths`: components of a Nix graph. - `customisation`: what is in the root besides
 *   components. - `base`: a layer of the base image.
 */
export type LayerKind = "app" | "workspace" | "dependencies" | "store paths" | "customisation" | "base";

/** What is in a layer. */
export interface LayerContents {
  /** If there are several kinds of components in it, of the one that changes most. */
  readonly kind: LayerKind;
  /** Its components, as people call them: `express@5.1.0`. Empty for the base's layers. */
  readonly names: readonly string[];
}

/** From what changes least to what changes most. */
const ORDER: readonly ComponentKind[] = ["dependency", "workspace", "app"];

/** What is in each layer, told by its components. */
export function layerContents(
  layers: readonly { readonly components: readonly string[] }[],
  { graph, base }: { readonly graph: ReferencesGraph; readonly base: Image | undefined },
): LayerContents[] {
  return layers.map(({ components: ids }, index) => {
    if (index < (base?.layers.length ?? 0)) return { kind: "base", names: [] };
    if (ids.length === 0) return { kind: "customisation", names: [] };
    const ranks = ids.map((id) => (isModules(id) ? 0 : ORDER.indexOf(kindOf(graph, id))));
    const most = ORDER[Math.max(...ranks)]!;
    const installed = graph.kind === "nix" ? "store paths" : "dependencies";
    return { kind: most === "dependency" ? installed : most, names: namesOf(ids, graph) };
  });
}

/** Names of components; the links among packages are none, nor is a workspace's root folder, from which a package needs links only. */
function namesOf(ids: readonly string[], { app, components }: ReferencesGraph): string[] {
  return ids
    .filter((id) => !isModules(id) && (app === undefined || id !== "."))
    .map((id) => nameOf(components.get(id) ?? { id }));
}
