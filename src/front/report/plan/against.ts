/** Compares a plan with an existing image. */

import { pullsOf } from "#compare";
import { VarveError } from "#errors";
import { makeGraph, type ReferencesGraph } from "#graph";
import { componentSummaries, type Image } from "#image";
import { keyHash, keysOf, LAYOUT_ANNOTATION, type Layout, layerHash, stateHash, versionOf } from "#layering";
import { type ImagePlan, imageLayout, layerNumbers } from "#plan";
import { compareNames } from "#util";
import { nameOf } from "./names.ts";

/** A component as an image describes it. */
export interface ImageComponent {
  readonly id: string;
  readonly key: string;
  /** Empty if nothing distinguishes one version from another. */
  readonly version: string;
  readonly name: string;
}

/** A layer of an existing image. */
export interface ImageLayer {
  /** As it is stored, compressed or not. */
  readonly size: number;
  readonly components: readonly ImageComponent[];
}

/** What an image has of a planned layer. */
export interface PlanLayerComparison {
  readonly number: number;
  /** Whether the image has the whole layer, so that it isn't sent. */
  readonly there: boolean;
  /** Bytes of its components that the image has, in any of its layers. */
  readonly unchanged: number;
}

/** What an image has of a plan. The layers that come of a base image, or of what is in the root, aren't planned. */
export interface PlanComparison {
  readonly place: string;
  readonly layers: readonly PlanLayerComparison[];
  readonly there: { readonly layers: number; readonly bytes: number };
  readonly sent: { readonly layers: number; readonly bytes: number };
  /** The lowest layer that is sent, and all above it: this is what Docker's classic graph drivers fetch. */
  readonly above: { readonly layers: number; readonly bytes: number };
  /** How many of the base image's layers it has. */
  readonly base: number;
}

/**
 * An image's layers with their components, from its layout and its history.
 * @param planned what is planned, by which components are known where the image has no more than hashes of them
 */
export function imageLayers(image: Image, planned: ReferencesGraph): ImageLayer[] {
  return layersWith(layoutIn(image), { image, planned });
}

function layersWith(
  layout: Layout | undefined,
  { image, planned }: { image: Image; planned: ReferencesGraph },
): ImageLayer[] {
  const layouts = layoutsOf(image, layout);
  const ids = image.layers.flatMap(({ components }) => components);
  const kind = ids.every((id) => id.startsWith("/")) ? "nix" : "npm";
  const parts = [...new Set(ids)].map((id) => ({ id, path: id, references: [] }));
  const graph = makeGraph(parts, { kind, origin: "an image" });
  const keys = keysOf(graph);
  const byHash = layout?.hashes && knownByHash(planned);
  return image.layers.map(({ descriptor, components }, index) => {
    const known = layouts.get(index);
    if (byHash !== undefined && known !== undefined) {
      const described = [...known].map((entry) => byHash.get(entry.join(" ")) ?? unknownComponent(entry));
      return { size: descriptor.size, components: described.sort((a, b) => compareNames(a.key, b.key)) };
    }
    const described = components.map((id): ImageComponent => {
      const version = versionOf(graph.components.get(id)!);
      const entry = known && entryOf(id, { version, known });
      const [key, found] = entry ?? [keys.get(id)!, version];
      const named = id.startsWith("/") || found === "" ? { id } : { id, name: packageOf(id), version: found };
      return { id, key, version: found, name: nameOf(named) };
    });
    return { size: descriptor.size, components: described };
  });
}

/** What is planned, by its entry in a layout of hashes. */
function knownByHash(graph: ReferencesGraph): ReadonlyMap<string, ImageComponent> {
  const keys = keysOf(graph);
  return new Map(
    [...graph.components.values()].map((component) => {
      const key = keys.get(component.id)!;
      const described = { id: component.id, key, version: versionOf(component), name: nameOf(component) };
      return [`${keyHash(key)} ${stateHash(component)}`, described] as const;
    }),
  );
}

function unknownComponent([key, version]: readonly [string, string]): ImageComponent {
  return { id: `${key}${version}`, key, version, name: "a package that isn't planned" };
}

/** A component's entry in a layer of the layout: a store path's is known by its version, a package's by its name. */
function entryOf(
  id: string,
  { version, known }: { version: string; known: ReadonlyMap<string, string> },
): readonly [string, string] | undefined {
  if (id.startsWith("/")) return [...known].find((entry) => entry[1] === version);
  const name = packageOf(id);
  const key = [name, `npm:${id}`].find((candidate) => known.has(candidate));
  if (key !== undefined) return [key, known.get(key)!];
  const versions = [...known].filter((entry) => entry[0].startsWith(`${name}@`));
  return versions.length === 1 ? versions[0] : undefined;
}

function packageOf(id: string): string {
  return id.replace(/^.*node_modules\//, "");
}

/** The layout's layers by the image's: they are the last ones that have components, since a base may have some, too. */
function layoutsOf(image: Image, layout: Layout | undefined): ReadonlyMap<number, Layout["layers"][number]> {
  if (layout === undefined) return new Map();
  const counts = componentSummaries(image).map(({ count }) => count);
  const own = [...image.layers.keys()].filter((at) => counts[at]! > 0).slice(-layout.layers.length);
  const fits =
    own.length === layout.layers.length &&
    // Two components may have the same hash.
    own.every((at, index) =>
      layout.hashes === undefined
        ? layout.layers[index]!.size === counts[at]
        : layout.layers[index]!.size <= counts[at]!,
    );
  return fits ? new Map(own.map((at, index) => [at, layout.layers[index]!])) : new Map();
}

/** The layout that an image has; none if it can't be read, since the history is good enough then. */
function layoutIn(image: Image): Layout | undefined {
  if (image.manifest?.value.annotations?.[LAYOUT_ANNOTATION] === undefined) return undefined;
  try {
    return imageLayout(image, "the image");
  } catch (error) {
    if (error instanceof VarveError) return undefined;
    throw error;
  }
}

/**
 * Compares a plan with an image by store paths, which identify their content, and by packages' versions. What has no version,
 * such as an npm project's own files, counts as changed.
 */
export function compareWith(
  plan: ImagePlan,
  { image, place, base }: { image: Image; place: string; base: Image | undefined },
): PlanComparison {
  const { graph, groups, sizes } = plan;
  const numbers = layerNumbers(plan, groups);
  const layout = layoutIn(image);
  const theirs = layersWith(layout, { image, planned: graph });
  const hashes = layout?.hashes;
  const identity = (id: string, version: string): string | undefined =>
    id.startsWith("/") ? id : version === "" ? undefined : `${version} ${id}`;
  const has = new Set<string>();
  const hasLayer = new Set<string>();
  for (const { components } of theirs) {
    const parts = components.map(({ id, version }) => identity(id, version));
    for (const part of parts) if (part !== undefined) has.add(part);
    if (parts.length > 0 && !parts.includes(undefined)) hasLayer.add(JSON.stringify(parts));
  }
  const layers = groups.map((ids, at): PlanLayerComparison => {
    // They are packed in the order of their keys or as the strategy says. In another order it is another layer.
    const parts = ids.map((id) => identity(id, versionOf(graph.components.get(id)!)));
    const unchanged = ids.filter((_, index) => parts[index] !== undefined && has.has(parts[index]!));
    return {
      number: numbers[at]!,
      there:
        hashes === undefined
          ? !parts.includes(undefined) && hasLayer.has(JSON.stringify(parts))
          : hashes.includes(layerHash(ids, graph) ?? ""),
      unchanged: unchanged.reduce((sum, id) => sum + (sizes?.sizes.get(id) ?? 0), 0),
    };
  });
  const bytesOf = (at: number): number =>
    groups[at]!.reduce((sum, id) => sum + (sizes?.sizes.get(id) ?? 0), 0);
  const total = (which: readonly number[]) => {
    return { layers: which.length, bytes: which.reduce((sum, at) => sum + bytesOf(at), 0) };
  };
  const diffIds = new Set(image.layers.map(({ diffId }) => diffId));
  const shared = base?.layers.filter(({ diffId }) => diffIds.has(diffId)).length ?? 0;
  const sameBase = shared === (base?.layers.length ?? 0);
  const places = [...layers.keys()];
  const { byThemselves } = pullsOf(places, (at) => !layers[at]!.there);
  const { fromLowest } = pullsOf(places, (at) => !sameBase || !layers[at]!.there);
  return {
    place,
    layers,
    there: total(places.filter((at) => layers[at]!.there)),
    sent: total(byThemselves),
    above: total(fromLowest),
    base: shared,
  };
}
