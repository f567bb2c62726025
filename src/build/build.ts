/** How a spec becomes an image. */
import { type MergedContents, mergeContents } from "../customise/index.ts";
import type { LayerRecipe } from "../fs/index.ts";
import { makeGraph, type ReferencesGraph, readGraph, withoutComponents } from "../graph/index.ts";
import { type Image, type ImageDraft, mergeEnv, newConfig } from "../image/index.ts";
import { layerBudget, planLayers, popularity } from "../layering/index.ts";
import { type ContainerConfig, hexOf } from "../oci/index.ts";
import { measureLayers } from "./measure.ts";
import { Placement, parentsOf } from "./placement.ts";
import type { ImageSpec } from "./spec.ts";

/** How many digits of the config's digest make the tag of an image that was given none. */
const DERIVED_TAG_LENGTH = 32;

export interface BuildOptions {
  /** The image that the spec's `fromImage` names; its reader must stay open until the draft is written. */
  readonly base?: Image;
  /** This machine's, as Go names it, for a spec that names none. */
  readonly architecture: string;
  /** What `"now"` means. */
  readonly now: Date;
  /** Gets a sentence for what the user may want to know. */
  readonly onNote?: (sentence: string) => void;
}

/**
 * Plans the image that a spec asks for. Nothing of its layers is read until the draft is written.
 * @throws VarveError whatever reading the graph has; `NO_LAYERS_LEFT`, `INVALID_SPEC`
 */
export async function buildImage(spec: ImageSpec, options: BuildOptions): Promise<ImageDraft> {
  const graph = await readComponents(spec);
  const base = options.base;
  const baseLayers = base?.layers.length ?? 0;
  const budget = layerBudget({ maxLayers: spec.maxLayers, baseLayers });
  const { groups } = planLayers(graph, popularity, budget);
  const placement = new Placement(graph, { workingDir: spec.config.WorkingDir });

  const contents = mergeContents(
    spec.contents.map((source) => ({ source, target: placement.locate(source) })),
  );
  for (const note of contents.notes) options.onNote?.(note);
  const recipes = [
    ...groups.map((group) => componentsRecipe(group, { spec, graph, placement, now: options.now })),
    customisationRecipe(contents, spec, options.now),
  ];

  const baseConfig = base?.config.value;
  const env = mergeEnv(baseConfig?.config?.Env ?? [], spec.config.Env ?? []);
  const config = { ...spec.config, ...(env.length > 0 ? { Env: env } : {}) } as ContainerConfig;
  return {
    async *layers(signal) {
      yield* base?.layers ?? [];
      yield* measureLayers(recipes, signal === undefined ? {} : { signal });
    },
    finish: (layers) => {
      const document = newConfig(
        {
          architecture: spec.architecture ?? options.architecture,
          created: timeOf(spec.created, options.now).toISOString().replace(".000Z", "Z"),
          config,
          baseHistory: base === undefined ? [] : historyOf(base),
          baseLayers,
        },
        layers,
      );
      const tag = spec.tag ?? hexOf(document.descriptor.digest).slice(0, DERIVED_TAG_LENGTH);
      return { config: document, names: [`${spec.name}:${tag}`] };
    },
  };
}

async function readComponents({ graph, omit, exclude }: ImageSpec): Promise<ReferencesGraph> {
  if (graph === undefined) return makeGraph([], { kind: "nix", origin: "no graph" });
  return withoutComponents(await readGraph(graph, { omitDev: omit.includes("dev") }), exclude);
}

interface Surroundings {
  readonly spec: ImageSpec;
  readonly graph: ReferencesGraph;
  readonly placement: Placement;
  readonly now: Date;
}

function componentsRecipe(
  ids: readonly string[],
  { spec, graph, placement, now }: Surroundings,
): LayerRecipe {
  const trees = ids.map((id) => placement.tree(id));
  return {
    items: [...parentsOf(trees), ...trees],
    owner: ownerOf(spec),
    mtime: secondsOf(spec.mtime, now),
    // Nix has made its paths' modes the same everywhere; npm leaves them to the umask.
    modes: graph.kind === "nix" ? "keep" : "portable",
    components: ids,
  };
}

function customisationRecipe({ items }: MergedContents, spec: ImageSpec, now: Date): LayerRecipe {
  return { items, owner: ownerOf(spec), mtime: secondsOf(spec.mtime, now), modes: "keep", components: [] };
}

function ownerOf({ uid, gid, uname, gname }: ImageSpec): LayerRecipe["owner"] {
  return { uid, gid, uname, gname };
}

/** The base's history, made up where it has none: an image's history has an entry for each layer. */
function historyOf(base: Image) {
  const history = base.config.value.history ?? [];
  const told = history.filter((entry) => entry.empty_layer !== true).length;
  return told === base.layers.length ? history : base.layers.map(() => ({}));
}

function timeOf(text: string, now: Date): Date {
  return text === "now" ? now : new Date(text);
}

function secondsOf(text: string, now: Date): number {
  return Math.floor(timeOf(text, now).getTime() / 1000);
}
