/** What a spec's image will be made of: decided before any of its files' contents are read. */
import type { DigestCache } from "#cache";
import { VarveError } from "#errors";
import type { KeptListings } from "#fs";
import {
  joinFiles,
  makeGraph,
  type ReadGraphOptions,
  type ReferencesGraph,
  readFiles,
  readGraph,
  withoutComponents,
} from "#graph";
import type { Image } from "#image";
import {
  type ComponentMetadata,
  DEFAULT_MAX_LAYERS,
  DEFAULT_PROJECT_LAYERS,
  expectedUpdates,
  isLayerOf,
  type LayerBudget,
  type Layout,
  layerBudget,
  layoutOf,
  planLayers,
  type Strategy,
} from "#layering";
import type { ImageSpec } from "#spec";
import { missingFrom, oneLayerBudget } from "./one-layer.ts";
import { Placement, projectFolder } from "./placement.ts";
import { type RootPlace, rootPlaceOf } from "./root-place.ts";
import { type ComponentSizes, componentSizes } from "./sizes.ts";
import { chooseStrategy, type ImageLayouts } from "./strategy.ts";

export interface PlanOptions {
  /** The image that the spec's `fromImage` names. */
  readonly base?: Image | undefined;
  /** The image that the spec's `layersFrom` names, unless that is a file with a layout. */
  readonly lastImage?: Image | undefined;
  /** The images that the spec's `sharedWith` names, by their places, unless these are files with layouts. */
  readonly sharedImages?: ReadonlyMap<string, Image> | undefined;
  /** The layouts of other images that are planned together with this one. */
  readonly otherLayouts?: readonly Layout[] | undefined;
  /** What the spec's lock file has, if it was read. */
  readonly lock?: ImageLayouts | undefined;
  /** Absolute paths that are being written to, which therefore aren't part of the image. */
  readonly outputs?: readonly string[] | undefined;
  /** Says, once the graph is read, which absolute paths of its components' folders aren't part of the image. */
  readonly leftOut?: ((graph: ReferencesGraph) => readonly string[]) | undefined;
  /** Has the sizes of components that were counted before. */
  readonly cache?: DigestCache | undefined;
  /** Gets the listings of components that are counted. */
  readonly listings?: KeptListings | undefined;
  /** Where an npm project is in the image; by default as the spec's own config says. */
  readonly workingDir?: string | null | undefined;
  /** Reads the graph instead of {@link readGraph}. */
  readonly readGraph?: ((path: string, options: ReadGraphOptions) => Promise<KnownGraph>) | undefined;
  /** A layout to keep to if the spec names none. */
  readonly likeLayout?: Layout | undefined;
  /** Under which key a JSON object has its graph; see reading a graph. */
  readonly graphKey?: string | undefined;
  /** Whether to count sizes even if the strategy needs none. */
  readonly withSizes?: boolean;
  /** Stops waiting for a graph or a layout that comes through a pipe. */
  readonly signal?: AbortSignal | undefined;
}

/** A graph, and what else is known of it. */
export interface KnownGraph {
  readonly graph: ReferencesGraph;
  /** Ids that aren't in it, and aren't wrong either: they are in the graph for another platform. */
  readonly elsewhere?: ReadonlySet<string> | undefined;
}

/** The layers of components that an image will have. */
export interface ImagePlan {
  readonly graph: ReferencesGraph;
  /** The graph with what the spec leaves out. */
  readonly whole: ReferencesGraph;
  readonly placement: Placement;
  /** How many layers are the base's. */
  readonly baseLayers: number;
  /** Where the layer is of what is put in the root besides components. */
  readonly rootPlace: RootPlace;
  readonly budget: LayerBudget;
  readonly strategy: Strategy;
  /** Whether there was a layout of the last build to keep to. */
  readonly keepsLayout: boolean;
  /** Component ids, one list for each layer, the lowest layer first. */
  readonly groups: readonly (readonly string[])[];
  /** The layout, to which later builds may keep. */
  readonly layout: Layout;
  /** Whether an earlier image has a layer of these components, as far as the layouts say that the spec names. */
  readonly isThere: (group: readonly string[]) => boolean;
  /** Undefined if nobody asked for sizes. */
  readonly sizes: ComponentSizes | undefined;
  /** What changes together, and how often. */
  readonly updates: Pick<ComponentMetadata, "units" | "weights">;
}

/**
 * Plans the layers of a spec's components.
 * @throws VarveError whatever reading the graph, the layout and the files' sizes has; `NO_LAYERS_LEFT`, `INVALID_SPEC`
 */
export async function planImage(spec: ImageSpec, options: PlanOptions = {}): Promise<ImagePlan> {
  const {
    base,
    lastImage,
    sharedImages,
    cache,
    listings,
    outputs = [],
    withSizes = false,
    likeLayout,
    signal,
  } = options;
  const { graph, whole, folder } = await readComponents(spec, options);
  const { strategy, weights, needsSizes, keepsLayout, earlier } = await chooseStrategy(spec, {
    lastImage,
    sharedImages,
    otherLayouts: options.otherLayouts,
    lock: options.lock,
    likeLayout,
    signal,
  });
  // The lock file is often in the very project whose layout it has.
  const written = spec.lockFile === undefined ? outputs : [...outputs, spec.lockFile];
  const absent = [...written, ...(options.leftOut?.(graph) ?? [])];
  const placement = new Placement(graph, { folder, absent });
  const rootPlace = rootPlaceOf(spec, { graph, placement });
  const baseLayers = base?.layers.length ?? 0;
  const budget = spec.layered
    ? layerBudget({
        maxLayers: maxLayersOf(spec, graph, baseLayers),
        baseLayers,
        isCustomised: rootPlace !== "none",
      })
    : oneLayerBudget(spec, base);

  const isPlanned = spec.includeStorePaths && graph.components.size > 0;
  const sizes =
    (isPlanned && spec.layered && needsSizes(graph)) || withSizes
      ? await componentSizes(graph, { placement, cache, listings })
      : undefined;
  const updates = expectedUpdates(graph, { sizes: sizes?.sizes, weights });
  const known = { available: budget.available, whole, sizes: sizes?.sizes, ...updates };
  const groups = !isPlanned
    ? []
    : spec.layered
      ? planLayers(graph, strategy, known).groups
      : [await missingFrom(base, graph)].filter((group) => group.length > 0);
  const layout = layoutOf(graph, groups);
  return {
    graph,
    whole,
    placement,
    baseLayers,
    rootPlace,
    budget,
    strategy,
    keepsLayout,
    groups,
    layout,
    isThere: isLayerOf(earlier, graph),
    sizes,
    updates,
  };
}

/** Layers cost an engine time, and a Node project's many small packages are worth few: docs/layering.md. */
function maxLayersOf({ maxLayers }: ImageSpec, { kind }: ReferencesGraph, baseLayers: number): number {
  if (maxLayers !== undefined) return maxLayers;
  if (kind !== "npm") return DEFAULT_MAX_LAYERS;
  // A base that has nearly as many leaves fewer, and one that has more an error.
  return Math.min(baseLayers + DEFAULT_PROJECT_LAYERS, DEFAULT_MAX_LAYERS);
}

/** The components that a spec asks for, and where its project is in the image. */
interface SpecComponents {
  readonly graph: ReferencesGraph;
  /** The graph with what the spec leaves out. */
  readonly whole: ReferencesGraph;
  readonly folder: string;
}

async function readComponents(spec: ImageSpec, options: PlanOptions): Promise<SpecComponents> {
  const { graph: whole, folder, elsewhere } = await readWhole(spec, options);
  const unknown = spec.exclude.find((id) => !whole.components.has(id) && elsewhere?.has(id) !== true);
  if (unknown !== undefined) throw excludesNothing(unknown, whole);
  return { graph: withoutComponents(whole, spec.exclude), whole, folder };
}

async function readWhole(
  { graph: place, files, omit, config }: ImageSpec,
  { graphKey: key, readGraph: read, signal, workingDir = config.WorkingDir }: PlanOptions,
): Promise<KnownGraph & Pick<SpecComponents, "folder">> {
  if (place === undefined && files !== undefined) {
    const folder = filesFolder(files, projectFolder({ workingDir }));
    return { graph: await readFiles(files, { folder }), folder };
  }
  const options = { omitDev: omit.includes("dev"), ...(key !== undefined && { key }), signal };
  const known: KnownGraph =
    place === undefined
      ? { graph: makeGraph([], { kind: "nix", origin: "no graph" }) }
      : ((await read?.(place, options)) ?? { graph: await readGraph(place, options) });
  const folder = projectFolder({ workingDir, app: known.graph.app });
  if (files === undefined) return { ...known, folder };
  return { ...known, graph: joinFiles(known.graph, await readFiles(files, { folder })), folder };
}

/** The outermost of the places of files that the working directory is in, or else that itself. */
function filesFolder(files: readonly { readonly to: string }[], workingDir: string): string {
  const around = files.map(({ to }) => to).filter((to) => `${workingDir}/`.startsWith(`${to}/`));
  return around.reduce((shortest, to) => (to.length < shortest.length ? to : shortest), workingDir);
}

/** What was to be left out may be in the image under another name, which must not go unnoticed. */
function excludesNothing(id: string, { kind, components }: ReferencesGraph): VarveError {
  const named = [...components.values()].find((component) => component.name === id);
  const hint = named === undefined ? "" : `; that of ${id} is ${named.id}`;
  const what = kind === "nix" ? "no store path of the graph" : "no package's path in the project";
  return new VarveError("INVALID_SPEC", `exclude names ${JSON.stringify(id)}, which is ${what}${hint}`);
}
