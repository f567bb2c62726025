import { Command } from "commander";
import { assemble } from "#app";
import { VarveError } from "#errors";
import { jsonOption, list } from "../options.ts";
import { note, warn } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { tellWritten } from "../written.ts";
import { inRegistry } from "./pull.ts";

interface AssembleCommandOptions extends PlaceOptions {
  readonly push?: readonly string[];
  readonly output?: readonly string[];
  readonly from?: readonly string[];
  readonly quiet?: true;
  readonly verbose?: true;
  readonly json?: true;
}

export function command(): Command {
  const command = new Command("assemble")
    .description(
      "Puts an image together of the layers that varve layer has made: the same image, byte for byte, as varve build makes of the spec.",
    )
    .argument("<folder>", "the jobs that varve plan --jobs has made, with results beside them")
    .option("--push <reference>", "push the image to a registry; may be given several times", list)
    .option("-o, --output <place>", "write the image to a place; may be given several times", list)
    .option(
      "--from <repository>",
      "where results are looked for that aren't beside their jobs; may be given several times (default: where --push leads)",
      list,
    )
    .option("-q, --quiet", "print nothing but errors")
    .option("-v, --verbose", "name all layers")
    .addOption(jsonOption());
  return placeOptions(command).action(run);
}

async function run(folder: string, options: AssembleCommandOptions): Promise<void> {
  const { push = [], output = [], quiet = false } = options;
  const to = [...push.map(inRegistry), ...output];
  if (to.length === 0) {
    throw new VarveError("USAGE", "say where the image is to go: --push REFERENCE, or --output PLACE");
  }
  const from = options.from ?? push;
  await onMachine(options, async (operation) => {
    await tellWritten(
      async (onProgress) => ({
        places: await assemble(folder, {
          ...{ ...operation, to, from, onProgress },
          onWarning: quiet ? undefined : warn,
          onDetail: options.verbose && note,
        }),
      }),
      { ...options, several: to.length > 1 },
    );
  });
}
