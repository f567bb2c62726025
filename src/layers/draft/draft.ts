/** How a spec becomes an image. */
import { dirname } from "node:path";
import { type EntryItem, KeptListings, type LayerRecipe, type TreeItem } from "#fs";
import type { ReferencesGraph } from "#graph";
import type { ImageDraft, Layer } from "#image";
import { annotationOf, type Layout } from "#layering";
import { type MeasureOptions, measureLayers, unmeasuredLayers } from "#measure";
import { type ContainerConfig, parseReference } from "#oci";
import { belowRoot, parentsOf, planImage } from "#plan";
import { type BaseTree, type CompiledRule, type RootItem, rulesFor } from "#root";
import type { ImageSpec } from "#spec";
import { specDatabase } from "./nix-database.ts";
import type { DraftOptions } from "./options.ts";
import { configOf, finishParts, type ImageParts, nameOf, partsOf, timeOf } from "./parts.ts";
import { noteUnmatched, specRules } from "./permissions.ts";
import { baseTreeFor, onBase, specRoot } from "./root.ts";
import { ScriptedPart, type ScriptedPlan, specScripts } from "./scripts.ts";

/** A planned image. Disposing of it removes what its scripts made, so do that after the image is written. */
export interface PlannedDraft extends ImageDraft, AsyncDisposable {
  /** Which components share a layer, so that later builds can keep to it; the image has it as an annotation. */
  readonly layout: Layout;
  /** What the layers' components are components of. */
  readonly graph: ReferencesGraph;
  /** How a container of the image is run. */
  readonly config: ContainerConfig;
  /** What its layers above the base's are made of, from the bottom up. */
  readonly made: readonly (LayerRecipe | ScriptedPlan)[];
  /** What it is besides its layers. */
  readonly parts: ImageParts;
}

/**
 * Plans the image that a spec asks for. Nothing of its layers is read, and no script runs, until the draft is written;
 * the base's layers are read if its links matter, see {@link baseTreeFor}, and the cache doesn't know them, or if
 * components that it has are left out.
 * @throws VarveError whatever reading the graph has, or the base's layers; `NO_LAYERS_LEFT`, `INVALID_SPEC`
 */
export async function draftImage(spec: ImageSpec, options: DraftOptions): Promise<PlannedDraft> {
  // A name that no registry or daemon accepts is refused before anything is read.
  parseReference(`${nameOf(spec)}:${spec.tag ?? "tag"}`);
  const { base, lastImage, sharedImages, outputs, leftOut, readGraph, likeLayout, cache, signal } = options;
  const config = configOf(spec, base);
  const workingDir = config.WorkingDir;
  const listings = options.listings ?? new KeptListings(cache?.now() ?? 0);
  const plan = await planImage(spec, {
    ...{ base, lastImage, sharedImages, cache, listings, outputs, leftOut, workingDir, signal },
    ...{ readGraph, likeLayout, lock: options.lock },
  });
  const { graph, placement, groups, layout } = plan;
  const tell = (sentence: string) => options.onNote?.(sentence);

  const steps = await specScripts(spec, signal);
  const root = specRoot(spec, { graph, placement, onNote: tell });
  const trees = groups.map((group) => group.flatMap((id) => placement.trees(id)));
  const links = groups.map((group) => group.flatMap((id) => placement.links(id)));
  const baseTree = await baseTreeFor(base, { spec, graph, root, trees: trees.flat(), cache });
  const rules = await specRules(spec, (time) => secondsOf(time, options.now));
  const context = { spec, graph, now: options.now, rules, baseTree };
  const customisation = root.items(baseTree);
  for (const note of customisation.notes) tell(note);
  const database = await specDatabase(spec, { ...options, graph });
  const rootItems = [...customisation.items, ...database];

  const components = groups.map((group, index) =>
    componentsRecipe(group, { trees: trees[index]!, links: links[index]! }, context),
  );
  const rootRecipe = recipeOf(rootItems, { modes: "keep", components: [] }, context);
  const expected = new Set(components.filter((_, index) => plan.isThere(groups[index]!)));
  const layoutText = groups.length === 0 ? undefined : annotationOf(graph, groups);
  const below = belowRoot(plan, groups);
  const recipes = !spec.layered
    ? [joinedRecipe(rootRecipe, components[0], context)]
    : below === undefined
      ? components
      : components.toSpliced(below, 0, rootRecipe);
  const noteOf = (recipes: readonly LayerRecipe[], elsewhere?: readonly string[]) => {
    if (options.onNote !== undefined) {
      noteUnmatched(recipes, { rules, tell, ...(elsewhere && { elsewhere }) });
    }
  };
  if (steps === undefined) noteOf(recipes);
  const scripted =
    steps &&
    new ScriptedPart({
      spec,
      steps,
      base,
      // Files that scripts make may match, too, so the rules are applied after the scripts.
      recipe: { ...rootRecipe, permissions: [] },
      after: spec.layered ? undefined : components[0],
      visible: storeFolders(graph),
      config,
      rules,
      options,
      onNote: tell,
      onUnmatched: (globs) => noteOf(components, globs),
    });

  const parts = partsOf(spec, { ...options, config, layoutText });
  const layers = async function* <T>(
    signal: AbortSignal | undefined,
    known: (recipes: readonly LayerRecipe[], options: MeasureOptions) => AsyncIterable<T>,
  ): AsyncGenerator<Layer | T, void, void> {
    // Scripts come first, since they are most likely to fail.
    const last = await scripted?.layer(signal);
    yield* base?.layers ?? [];
    const measured = last === undefined ? recipes : spec.layered ? components : [];
    // While scripts ran, what was listed may have changed.
    const kept = last === undefined ? listings : undefined;
    yield* known(measured, { cache, signal, kept, expected, shared: options.shared });
    if (last !== undefined) yield last;
  };
  return {
    layers: (signal) => layers(signal, measureLayers),
    unmeasuredLayers: (signal) => layers(signal, unmeasuredLayers),
    finish: (layers) => finishParts(parts, layers, base?.layers.length ?? 0),
    layout,
    graph,
    config,
    made: scripted === undefined ? recipes : [...(spec.layered ? components : []), scripted.plan],
    parts,
    async [Symbol.asyncDispose]() {
      await scripted?.[Symbol.asyncDispose]();
    },
  };
}

/** One recipe for the root and the components behind it. */
function joinedRecipe(
  root: LayerRecipe,
  components: LayerRecipe | undefined,
  context: RecipeContext,
): LayerRecipe {
  if (components === undefined) return root;
  const { modes } = components;
  const behind = components.items.map(
    (item): RootItem => (item.kind === "tree" && modes !== root.modes ? { ...item, modes } : item),
  );
  const fields = { modes: root.modes, components: components.components };
  return recipeOf([...root.items, ...behind], fields, context);
}

/** The stores that a graph's components are in, except the one that scripts see anyway. */
function storeFolders({ kind, components }: ReferencesGraph): string[] {
  if (kind !== "nix") return [];
  const folders = [...components.values()].map(({ path }) => dirname(path));
  return [...new Set(folders)].filter((folder) => folder !== "/nix/store");
}

interface RecipeContext {
  readonly spec: ImageSpec;
  readonly graph: ReferencesGraph;
  readonly now: Date;
  readonly rules: readonly CompiledRule[];
  readonly baseTree: BaseTree | undefined;
}

function componentsRecipe(
  ids: readonly string[],
  { trees, links }: { readonly trees: readonly TreeItem[]; readonly links: readonly EntryItem[] },
  context: RecipeContext,
): LayerRecipe {
  const items = onBase([...parentsOf(trees), ...trees, ...links], context);
  // Nix makes the modes of its paths the same everywhere; with npm they depend on the umask.
  const modes = context.graph.kind === "nix" ? "keep" : "portable";
  return recipeOf(items, { modes, components: ids }, context);
}

function recipeOf(
  items: readonly RootItem[],
  fields: Pick<LayerRecipe, "modes" | "components">,
  { spec, now, rules }: RecipeContext,
): LayerRecipe {
  const permissions = rulesFor(items, rules);
  const mtime = secondsOf(spec.mtime, now);
  return { items, owner: ownerOf(spec), mtime, ...fields, ...(permissions.length > 0 && { permissions }) };
}

function ownerOf({ uid, gid, uname, gname }: ImageSpec): LayerRecipe["owner"] {
  return { uid, gid, uname, gname };
}

function secondsOf(text: string, now: Date): number {
  return Math.floor(timeOf(text, now).getTime() / 1000);
}
