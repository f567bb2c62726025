import { Command } from "commander";
import { createIndex } from "#app";
import { printJson, say } from "../output.ts";
import { onMachine } from "../places.ts";
import { Progress } from "../progress.ts";
import { indexLines, layerLines } from "../summary/summary.ts";
import { secondsSinceStart } from "../written.ts";
import { type CopyOptions, copyOptions } from "./copy.ts";

export function command(): Command {
  return new Command("index")
    .description("Works with indexes, which name an image for each of several platforms.")
    .addCommand(create());
}

function create(): Command {
  return copyOptions(new Command("create"))
    .description("Writes images for several platforms to one place, and an index over them.")
    .argument("<destination>", "where the index is to be")
    .argument("<source...>", "where the images are, one for each platform")
    .action(async (destination: string, sources: string[], options: CopyOptions) => {
      const { compression, quiet = false, verbose = false, json = false } = options;
      await onMachine(options, async (operation) => {
        const progress = new Progress({ quiet, several: false });
        const onProgress = progress.report;
        const { images, ...index } = await createIndex(destination, sources, {
          ...operation,
          compression,
          onProgress,
        });
        progress.finish();
        if (json) await printJson(index);
        else if (!quiet) {
          if (verbose) for (const line of layerLines({ places: images })) say(line);
          for (const line of indexLines({ ...index, images }, secondsSinceStart())) say(line);
        }
      });
    });
}
