/** An image whose root file system is split into layers anew. */
import { VarveError } from "#errors";
import type { ReferencesGraph } from "#graph";
import { componentsComment, type FinishedDraft, type Image, type ImageDraft, type Layer } from "#image";
import {
  annotationOf,
  DEFAULT_MAX_LAYERS,
  DEFAULT_PROJECT_LAYERS,
  expectedUpdates,
  LAYOUT_ANNOTATION,
  type Layout,
  layerBudget,
  layoutOf,
  planLayers,
  type Strategy,
} from "#layering";
import { encodeDocument, type ImageConfig } from "#oci";
import { MAX_DATABASE_FILE, readPackages, UPKEEP } from "#packages";
import { Resources } from "#util";
import { Contents, type ContentsOptions } from "./contents.ts";
import { differenceOf } from "./difference.ts";
import { type LayerParts, newLayer } from "./layer.ts";
import { keepMore, readRoot } from "./root.ts";
import { sharesOf } from "./shares.ts";

export interface RelayerOptions extends ContentsOptions {
  readonly strategy: Strategy;
  readonly weights?: ReadonlyMap<string, number> | undefined;
  /** What the image is built on, and what it is called. */
  readonly base?: { readonly image: Image; readonly name: string } | undefined;
  /** How many layers the image may have; 20 besides the base's unless said. */
  readonly maxLayers?: number | undefined;
  /** The time of all entries in new layers, in seconds since 1970; their own unless given. */
  readonly mtime?: number | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** An image with new layers; these can be read until it is disposed of. */
export interface RelayeredImage extends ImageDraft, AsyncDisposable {
  readonly graph: ReferencesGraph;
  readonly groups: readonly (readonly string[])[];
  readonly layout: Layout;
}

/**
 * Splits an image's root file system into layers by the packages that are in it. The root stays the same, but for the layers
 * that it comes in: whiteouts are gone, and what remains is shared out. On a base's layers, only what differs from them is.
 *
 * The same root gives the same layers, however it was split before. The image is read once, and nothing is unpacked: the
 * contents of its files are kept in one file without a name.
 * @throws VarveError `USAGE` if the image doesn't begin with the base's layers; `NO_LAYERS_LEFT`; `TOO_LARGE`, `UNWRITABLE`; and
 *   what reading layers throws
 */
export async function relayered(image: Image, options: RelayerOptions): Promise<RelayeredImage> {
  const { strategy, weights, base, maxLayers, mtime, signal, maxSpool } = options;
  const baseLayers = layersOfBase(image, base);
  const most = maxLayers ?? Math.min(baseLayers + DEFAULT_PROJECT_LAYERS, DEFAULT_MAX_LAYERS);
  const { available } = layerBudget({ maxLayers: most, baseLayers, isCustomised: false });
  await using resources = new Resources();
  const contents = resources.use(await Contents.open(options));
  const root = await readRoot(image.layers, { baseLayers, contents, signal, maxSpool });
  const packages = await readPackages(root.tree, async (entry) => {
    if (entry.entry.size > MAX_DATABASE_FILE || !contents.has(entry)) return undefined;
    return Buffer.concat([...contents.read(entry)].map((chunk) => Buffer.from(chunk)));
  });
  const difference = differenceOf(root.tree, root.base);
  const missing = difference.inodes.map(({ root }) => root).filter((entry) => !contents.has(entry));
  if (missing.length > 0) await keepMore(image.layers, missing, { contents, signal, maxSpool });
  const { graph, inodes, sizes } = sharesOf(difference, packages);
  const known = { available, sizes, ...expectedUpdates(graph, { sizes, weights }) };
  // What each update changes is the graph's app, so it comes last and counts on top of all others.
  const groups = graph.components.size === 0 ? [] : planLayers(graph, strategy, known).groups;
  const nothing = { directories: [], removed: [] };
  const parts = groups.map((components): LayerParts => {
    const { directories, removed } = components.includes(UPKEEP) ? difference : nothing;
    const list = components.flatMap((id) => inodes.get(id)!);
    return { components, inodes: list, directories, removed, contents, mtime };
  });
  // An image has a layer at the least.
  if (parts.length + baseLayers === 0) {
    parts.push({ components: [UPKEEP], inodes: [], ...nothing, contents });
  }
  const held = resources.move();
  const layout = layoutOf(graph, groups);
  return {
    ...{ graph, groups, layout },
    async *layers(signal) {
      yield* image.layers.slice(0, baseLayers);
      for (const part of parts) yield await newLayer(part, signal);
    },
    finish: (layers) => finished(image, { layers, baseLayers, layout: annotationOf(graph, groups) }),
    [Symbol.asyncDispose]: () => held[Symbol.asyncDispose](),
  };
}

/** How many of an image's layers are a base's. */
function layersOfBase({ layers }: Image, base: RelayerOptions["base"]): number {
  if (base === undefined) return 0;
  const count = base.image.layers.length;
  if (base.image.layers.every(({ diffId }, at) => layers[at]?.diffId === diffId)) return count;
  throw new VarveError(
    "USAGE",
    `the image doesn't begin with the layers of ${base.name}, so that isn't its base, or has changed since; name the one that it was built on, by its digest, or none`,
  );
}

/** The config and the annotations over new layers. */
function finished(
  { config, manifest, names }: Image,
  {
    layers,
    baseLayers,
    layout,
  }: { layers: readonly Pick<Layer, "diffId" | "components">[]; baseLayers: number; layout: string },
): FinishedDraft {
  const added = layers.slice(baseLayers).map(({ components }) => ({
    created_by: "varve relayer",
    comment: componentsComment(components),
  }));
  const value: ImageConfig = {
    ...config.value,
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    history: [...baseHistory(config.value, baseLayers), ...added],
  };
  return {
    config: encodeDocument(value, config.descriptor.mediaType),
    names,
    annotations: { ...manifest?.value.annotations, [LAYOUT_ANNOTATION]: layout },
  };
}

/** What the history says up to the last of the base's layers; where it doesn't say enough, an entry for each. */
function baseHistory({ history }: ImageConfig, baseLayers: number): NonNullable<ImageConfig["history"]> {
  if (baseLayers === 0) return [];
  let seen = 0;
  for (const [at, { empty_layer: isEmpty }] of (history ?? []).entries()) {
    if (isEmpty !== true && ++seen === baseLayers) return history!.slice(0, at + 1);
  }
  return Array.from({ length: baseLayers }, () => ({ comment: "of the base" }));
}
