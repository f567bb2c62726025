import { Command } from "commander";
import { readGraph, withoutComponents } from "../../graph/index.ts";
import { layerBudget, planLayers, popularity } from "../../layering/index.ts";
import { integer, list } from "../options.ts";
import { printJson } from "../output.ts";
import { type PlaceOptions, placeOptions, withPlaces } from "../places.ts";

interface LayersOptions extends PlaceOptions {
  readonly maxLayers?: number;
  readonly fromImage?: string;
  readonly exclude: readonly string[];
  readonly key?: string;
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
    .action(async (path: string, options: LayersOptions) => {
      const baseLayers = options.fromImage === undefined ? 0 : await countLayers(options.fromImage, options);
      const budget = layerBudget({ maxLayers: options.maxLayers, baseLayers });
      const graph = await readGraph(path, options.key === undefined ? {} : { key: options.key });
      const plan = planLayers(withoutComponents(graph, options.exclude), popularity, budget);
      printJson(plan.groups);
    });
}

async function countLayers(place: string, options: PlaceOptions): Promise<number> {
  return await withPlaces(options, async ({ transports, read }) => {
    await using source = await transports.source(place);
    return (await source.read(read)).layers.length;
  });
}
