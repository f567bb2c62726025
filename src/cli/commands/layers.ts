import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { Command, Option } from "commander";
import { readError, VarveError } from "../../errors.ts";
import { readGraph, withoutComponents } from "../../graph/index.ts";
import type { Image } from "../../image/index.ts";
import {
  formatLayout,
  keepLayout,
  LAYOUT_ANNOTATION,
  type Layout,
  largest,
  layerBudget,
  layoutOf,
  leader,
  parseLayout,
  parseWeights,
  pipelineStrategy,
  planLayers,
  popularity,
  type Strategy,
} from "../../layering/index.ts";
import { bytesSource, parseJson, writeFileAtomically } from "../../util/index.ts";
import { componentSizes } from "../component-sizes.ts";
import { integer, list } from "../options.ts";
import { printJson } from "../output.ts";
import { type PlaceOptions, placeOptions, withPlaces } from "../places.ts";

const STRATEGIES: readonly Strategy[] = [leader, popularity, largest];

/** More than any pipeline that isn't made by a program gone wrong. */
const MAX_PIPELINE_BYTES = 64 * 1024 * 1024;

interface LayersOptions extends PlaceOptions {
  readonly maxLayers?: number;
  readonly fromImage?: string;
  readonly exclude: readonly string[];
  readonly key?: string;
  readonly strategy: string;
  readonly pipeline?: string;
  readonly weights?: string;
  readonly layersFrom?: string;
  readonly layersTo?: string;
}

export function command(): Command {
  return placeOptions(new Command("layers"))
    .description(
      "Plans the layers of a references graph and prints them as a JSON list of lists of paths, ready to be a conf's store_layers.",
    )
    .argument("<graph>", "a file in one of Nix's forms, or the folder of an npm project")
    .option("--max-layers <n>", "the most layers the image may have (default: 100)", integer)
    .option("--from-image <place>", "the base image, whose layers are taken off first")
    .option("--exclude <path>", "leave a component out; may be given several times", list, [])
    .option(
      "--key <key>",
      "the key under which a JSON object holds its graph (default: that of the only one)",
    )
    .addOption(
      new Option("--strategy <name>", "how components are grouped")
        .choices(STRATEGIES.map(({ name }) => name))
        .default(popularity.name),
    )
    .addOption(
      new Option("--pipeline <file>", "group them as this layering pipeline says, a JSON list").conflicts([
        "strategy",
        "weights",
        "layersFrom",
      ]),
    )
    .option("--weights <file>", "how often components change, a JSON object of whole numbers by key")
    .option(
      "--layers-from <place>",
      "keep to the layout of an earlier build, a file of --layers-to or an image",
    )
    .option("--layers-to <file>", "write the layout down, for later builds to keep to")
    .action(run);
}

async function run(path: string, options: LayersOptions): Promise<void> {
  const baseLayers =
    options.fromImage === undefined
      ? 0
      : await readImage(options.fromImage, options, ({ layers }) => layers.length);
  const { available } = layerBudget({ maxLayers: options.maxLayers, baseLayers });
  const all = await readGraph(path, options.key === undefined ? {} : { key: options.key });
  const graph = withoutComponents(all, options.exclude);

  const strategy = await chooseStrategy(options);
  const weights =
    options.weights === undefined
      ? undefined
      : parseWeights(await readText(options.weights), options.weights);
  // Popularity and pipelines need no sizes, and the files of a graph may not be on this machine.
  const needsSizes = strategy.name === leader.name || strategy.name === largest.name || options.layersFrom;
  const sizes = needsSizes ? componentSizes(graph) : undefined;
  const { groups } = planLayers(graph, strategy, { available, sizes, weights });
  if (options.layersTo !== undefined) {
    const layout = Buffer.from(formatLayout(layoutOf(graph, groups)));
    await writeFileAtomically(options.layersTo, bytesSource(layout).open());
  }
  printJson(groups);
}

async function chooseStrategy(options: LayersOptions): Promise<Strategy> {
  const { pipeline, layersFrom } = options;
  if (pipeline !== undefined) {
    const limits = { what: pipeline, maxBytes: MAX_PIPELINE_BYTES, maxDepth: 1000 };
    return pipelineStrategy(parseJson(await readText(pipeline), limits), `the layering pipeline ${pipeline}`);
  }
  const strategy = STRATEGIES.find(({ name }) => name === options.strategy)!;
  return layersFrom === undefined ? strategy : keepLayout(await readLayout(layersFrom, options), strategy);
}

/** A layout from a file that holds one, or from an image's annotation. */
async function readLayout(place: string, options: LayersOptions): Promise<Layout> {
  if (existsSync(place) && statSync(place).isFile()) {
    const bytes = await readText(place);
    // An archive is a file, too.
    if (/^\s*\{/.test(bytes.subarray(0, 100).toString("latin1"))) return parseLayout(bytes, place);
  }
  const text = await readImage(
    place,
    options,
    ({ manifest }) => manifest?.value.annotations?.[LAYOUT_ANNOTATION],
  );
  if (text !== undefined) return parseLayout(text, `the annotation ${LAYOUT_ANNOTATION} of ${place}`);
  throw new VarveError(
    "INVALID_LAYOUT",
    `${place} has no annotation ${LAYOUT_ANNOTATION}, so there is no layout to keep to; name a file that --layers-to has written`,
  );
}

async function readImage<T>(place: string, options: PlaceOptions, take: (image: Image) => T): Promise<T> {
  return await withPlaces(options, async ({ transports, read }) => {
    await using source = await transports.source(place);
    return take(await source.read(read));
  });
}

async function readText(path: string): Promise<Buffer> {
  try {
    return await readFile(path);
  } catch (error) {
    throw readError(path, error);
  }
}
