/** Makes the conf of nixpkgs' stream script from the arguments of the Nix functions. */
import { basename } from "node:path";
import { readGraph, withoutComponents } from "#graph";
import { auto, layerBudget, pipelineStrategy, planLayers } from "#layering";
import { readPipeline } from "#plan";
import { readWhole, sortNames } from "#util";
import { isoTime } from "./date.ts";
import type { NixAttributes } from "./nix-attributes.ts";

/** More bytes than any image says about its base. */
const MAX_BASE_SIZE = 64 * 1024 * 1024;

/** How many characters of a store path's name are its hash. */
const HASH_LENGTH = 32;

/** A conf's fields besides the first ones. */
export interface ConfFields {
  readonly imageName: string;
  readonly imageTag: string;
  /** What {@link isoTime} reads, or `now`. */
  readonly created: string;
  readonly mtime: string;
  readonly uid: number | string;
  readonly gid: number | string;
  readonly uname: string;
  readonly gname: string;
  readonly storeDir: string;
  readonly fromImage: string | null;
  readonly customisationLayer: string;
  readonly storeLayers: readonly (readonly string[])[];
  /** Folders that describe some of these. */
  readonly builtLayers?: readonly string[];
  /** Store paths that are mounted instead. */
  readonly storeMounts?: readonly string[] | undefined;
}

/**
 * A conf's text.
 * @param baseJson a file with a JSON object whose text is kept as it is: architecture, config and os
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_CONF` for a time that isn't one
 */
export async function confText(baseJson: string, fields: ConfFields): Promise<string> {
  const base = (await readWhole(baseJson, { limit: MAX_BASE_SIZE })).toString();
  const rest = {
    store_dir: fields.storeDir,
    from_image: fields.fromImage,
    store_layers: fields.storeLayers,
    customisation_layer: fields.customisationLayer,
    repo_tag: `${fields.imageName}:${fields.imageTag}`,
    created: isoTime(fields.created, "created"),
    mtime: isoTime(fields.mtime, "mtime"),
    uid: String(fields.uid),
    gid: String(fields.gid),
    uname: fields.uname,
    gname: fields.gname,
    // Without any, the conf is nixpkgs' to the byte.
    ...(fields.builtLayers?.length ? { built_layers: fields.builtLayers } : {}),
    ...(fields.storeMounts === undefined ? {} : { store_mounts: fields.storeMounts }),
  };
  return `${base.trimEnd().replace(/\}$/, ",")}${JSON.stringify(rest).slice(1)}\n`;
}

/** The tag of an image: the given one, or else its output's hash. */
export function imageTag({
  imageTag,
  outputs,
}: {
  imageTag: string | null;
  outputs: { out: string };
}): string {
  return imageTag ?? basename(outputs.out).slice(0, HASH_LENGTH);
}

/** A references graph, if there is one, and what of it is no part of the image. */
export interface GraphAttributes {
  readonly graphFile: string | undefined;
  readonly exclude: readonly string[];
}

/**
 * The store paths that an image needs, in the order of their names.
 * @throws VarveError whatever reading the graph has
 */
export async function storePathsOf({ graphFile, exclude }: GraphAttributes): Promise<string[]> {
  if (graphFile === undefined) return [];
  const graph = withoutComponents(await readGraph(graphFile, { key: "graph" }), exclude);
  return sortNames([...graph.components.values()].map(({ path }) => path));
}

/** What is in the image besides what is planned. */
export interface PlannedBeside {
  /** How many layers there are already: the base's, and those that are built. */
  readonly layers: number;
  /** Store paths that are in those. */
  readonly held?: ReadonlySet<string>;
}

/**
 * The layers of store paths, planned as nixpkgs does.
 * @throws VarveError whatever reading the graph has; `NO_LAYERS_LEFT`, `INVALID_PIPELINE`
 */
export async function planStoreLayers(
  {
    graphFile,
    exclude,
    maxLayers,
    pipeline,
  }: Pick<NixAttributes<"conf">, "graphFile" | "exclude" | "maxLayers" | "pipeline">,
  { layers, held = new Set() }: PlannedBeside,
): Promise<readonly (readonly string[])[]> {
  if (graphFile === undefined) return [];
  const whole = withoutComponents(await readGraph(graphFile, { key: "graph" }), held);
  const graph = withoutComponents(whole, exclude);
  if (held.size > 0 && graph.components.size === 0) return [];
  if (pipeline === null) {
    const budget = { ...(maxLayers === null ? {} : { maxLayers }), baseLayers: layers };
    const { available } = layerBudget(budget);
    return planLayers(graph, auto, { available, whole }).groups;
  }
  const operations = typeof pipeline === "string" ? await readPipeline(pipeline) : pipeline;
  const strategy = pipelineStrategy(operations, "layeringPipeline");
  // The pipeline decides how many there are, as in nixpkgs.
  return planLayers(graph, strategy, { available: Math.max(1, graph.components.size) }).groups;
}
