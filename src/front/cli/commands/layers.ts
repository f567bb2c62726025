import { resolve } from "node:path";
import { Command, Option } from "commander";
import { planGroups } from "#app";
import { auto, formatLayout, layerBudget } from "#layering";
import { STRATEGIES } from "#plan";
import { checkSpec, type ImageSpecInput } from "#spec";
import { bytesSource, writeFileAtomically } from "#util";
import { type GraphOptions, graphOptions } from "../graph-options.ts";
import { list } from "../options.ts";
import { printJson } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { strategyFields } from "../strategy-options.ts";

interface LayersOptions extends PlaceOptions, GraphOptions {
  readonly exclude: readonly string[];
  readonly strategy: NonNullable<ImageSpecInput["strategy"]>;
  readonly pipeline?: string;
  readonly weights?: string;
  readonly layersFrom?: string;
  readonly layersTo?: string;
}

export function command(): Command {
  const command = placeOptions(new Command("layers"))
    .description(
      "Plans the layers of a references graph and prints them as a JSON list of lists of paths, ready to be a conf's store_layers.",
    )
    .argument("<graph>", "a file in one of Nix's forms, or the folder of a Node project");
  return graphOptions(command)
    .option("--exclude <path>", "leave a component out; may be given several times", list, [])
    .addOption(
      new Option("--strategy <name>", "how components are grouped")
        .choices(STRATEGIES.map(({ name }) => name))
        .default(auto.name),
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
      "keep to the layout of an earlier build: a file from --layers-to, or an image",
    )
    .option("--layers-to <file>", "write the layout to a file, for later builds to keep to")
    .action(run);
}

async function run(path: string, options: LayersOptions): Promise<void> {
  const { maxLayers, from, exclude, key, layersTo, pipeline } = options;
  // Says what is wrong in the words of the option, not of a spec.
  layerBudget({ maxLayers });
  const spec = checkSpec({
    name: "graph",
    graph: resolve(path),
    exclude,
    maxLayers,
    ...(from === undefined ? {} : { fromImage: from }),
    ...(pipeline === undefined ? strategyFields(options) : { layeringPipeline: pipeline }),
  });
  const plan = await onMachine({ ...options, cache: false }, (operation) =>
    planGroups(spec, { ...operation, graphKey: key }),
  );
  if (layersTo !== undefined) {
    const layout = Buffer.from(formatLayout(plan.layout));
    await writeFileAtomically(layersTo, bytesSource(layout).open());
  }
  await printJson(plan.groups);
}
