/** The layer that a spec's scripts make. */
import { flattenImage } from "#flatten";
import { type LayerRecipe, listRecipe, packLayer } from "#fs";
import type { Image, Layer } from "#image";
import { type ContainerConfig, MediaType } from "#oci";
import type { CompiledRule } from "#root";
import { runScripts, type ScriptedLayer, type ScriptName, type ScriptSteps } from "#sandbox";
import type { ImageSpec } from "#spec";
import { SCRIPT_FIELDS } from "#spec";
import { boundedSpool, readWhole } from "#util";
import type { DraftOptions } from "./options.ts";

/**
 * The scripts of a spec, their files read; undefined if there are none.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `TOO_LARGE`
 */
export async function specScripts(spec: ImageSpec, signal?: AbortSignal): Promise<ScriptSteps | undefined> {
  const steps: Partial<Record<ScriptName, string>> = {};
  for (const name of SCRIPT_FIELDS) {
    const given = spec[name];
    const text =
      typeof given === "object"
        ? (await readWhole(given.file, { limit: MAX_SCRIPT_SIZE, signal })).toString()
        : given;
    // dockerTools' arguments are empty texts by default.
    if (text !== undefined && text.trim() !== "") steps[name] = text;
  }
  if (Object.keys(steps).length === 0) return undefined;
  return { ...steps, enableFakechroot: spec.enableFakechroot };
}

/** More bytes than any script has. */
const MAX_SCRIPT_SIZE = 16 * 1024 * 1024;

/** What a layer that scripts make depends on, as far as that can be said. */
export interface ScriptedPlan {
  /** What lies in it before the scripts run. */
  readonly recipe: LayerRecipe;
  /** The part of it that no script sees. */
  readonly after: LayerRecipe | undefined;
  /** The scripts, and how they are run: what JSON can say. */
  readonly scripts: Readonly<Record<string, unknown>>;
  /** Runs them. */
  layer(signal?: AbortSignal): Promise<Layer>;
}

export interface ScriptedPartOptions {
  readonly spec: ImageSpec;
  readonly steps: ScriptSteps;
  readonly base: Image | undefined;
  /** The layer's content before the scripts run. */
  readonly recipe: LayerRecipe;
  /** The part of the layer that no script sees. */
  readonly after: LayerRecipe | undefined;
  /** Folders of this machine that scripts may read. */
  readonly visible: readonly string[];
  /** The image's. */
  readonly config: ContainerConfig;
  readonly rules: readonly CompiledRule[];
  readonly options: Pick<DraftOptions, "path" | "temporary" | "maxSpool" | "onOutput">;
  readonly onNote: (sentence: string) => void;
  /** Receives the globs of the rules that matched nothing in the layer. */
  readonly onUnmatched: (globs: readonly string[]) => void;
}

/**
 * A layer that scripts make. They run when the layer is first asked for, and only once. The digest cache isn't used for it:
 * what a script does depends on more than can be hashed, from this machine's programs to the network.
 */
export class ScriptedPart implements AsyncDisposable {
  readonly #options: ScriptedPartOptions;
  #made: Promise<ScriptedLayer> | undefined;

  constructor(options: ScriptedPartOptions) {
    this.#options = options;
  }

  get plan(): ScriptedPlan {
    const { spec, steps, recipe, after, visible, config, rules } = this.#options;
    return {
      recipe,
      after,
      scripts: {
        steps: { ...steps },
        rules: rules.map(({ glob, rule: { path: _, ...fields } }) => ({ glob, ...fields })),
        ...(spec.network && { network: true }),
        ...(spec.scriptTimeout !== undefined && { timeout: spec.scriptTimeout }),
        path: searchPath(config) ?? null,
        visible: [...visible],
      },
      layer: (signal) => this.layer(signal),
    };
  }

  /** @throws VarveError what `runScripts` throws, and reading the base's layers */
  async layer(signal?: AbortSignal): Promise<Layer> {
    this.#made ??= this.#run(signal);
    const { diffId, size, open } = await this.#made;
    return {
      descriptor: { mediaType: MediaType.ociLayer, digest: diffId, size },
      diffId,
      components: this.#options.after?.components ?? [],
      open,
    };
  }

  /** Removes the layer. */
  async [Symbol.asyncDispose](): Promise<void> {
    const made = await this.#made?.catch(() => undefined);
    await made?.[Symbol.asyncDispose]();
  }

  async #run(signal: AbortSignal | undefined): Promise<ScriptedLayer> {
    const { spec, steps, base, recipe, after, visible, config, rules, onNote, onUnmatched } = this.#options;
    const { path, temporary, maxSpool, onOutput } = this.#options.options;
    const layer = await runScripts({
      steps,
      base:
        base &&
        (() =>
          boundedSpool(flattenImage(base.layers, { signal }), {
            what: "the base image's root file system",
            maxSpool,
          })),
      root: () => packed(recipe),
      after: after && (() => packed(after)),
      permissions: rules.map(({ rule }) => rule),
      owner: recipe.owner,
      mtime: recipe.mtime,
      network: spec.network,
      timeoutSeconds: spec.scriptTimeout,
      temporary,
      path,
      imagePath: searchPath(config),
      visible,
      onOutput: onOutput && ((line, _, script) => onOutput(line, script)),
      signal,
    });
    for (const note of layer.notes) onNote(note);
    onUnmatched(rules.filter(({ rule }) => layer.unmatched.includes(rule)).map(({ glob }) => glob));
    return layer;
  }
}

async function* packed(recipe: LayerRecipe): AsyncGenerator<Uint8Array, void, void> {
  yield* packLayer(recipe, { listings: listRecipe(recipe) });
}

/** The image's own `PATH`. */
function searchPath({ Env }: ContainerConfig): string | undefined {
  return Env?.findLast((variable) => variable.startsWith("PATH="))?.slice("PATH=".length);
}
