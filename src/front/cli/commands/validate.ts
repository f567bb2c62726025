import { Command } from "commander";
import { validate } from "#app";
import { formatBytes, table } from "#report";
import { shown } from "#util";
import { jsonOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface ValidateOptions extends PlaceOptions {
  readonly json?: true;
}

export function command(): Command {
  return placeOptions(new Command("validate"))
    .description(
      "Reads all of an image and checks that every digest, size and archive in it is sound, with no path twice in a layer.",
    )
    .argument("<source>", "where the image is")
    .addOption(jsonOption())
    .action(async (from: string, options: ValidateOptions) => {
      await onMachine(options, async (operation) => {
        const { source, ...image } = await validate(from, operation);
        if (options.json) {
          await printJson(image);
          return;
        }
        const rows = image.layers.map(({ digest, size, entries }, index) => [
          String(index + 1),
          formatBytes(size),
          String(entries),
          digest,
        ]);
        const lines = table(["LAYER", "SIZE", "ENTRIES", "DIGEST"], rows, [
          "right",
          "right",
          "right",
          "left",
        ]);
        await print(`${lines}\n${shown(source)} is sound.\n`);
      });
    });
}
