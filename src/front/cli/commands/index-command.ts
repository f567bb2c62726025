import { Command } from "commander";
import { createIndex } from "#app";
import { printJson, say } from "../output.ts";
import { onMachine } from "../places.ts";
import { Progress } from "../progress.ts";
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
      const { compression, quiet = false, json = false } = options;
      await onMachine(options, async (operation) => {
        const progress = new Progress({ quiet, several: false });
        const onProgress = progress.report;
        const index = await createIndex(destination, sources, { ...operation, compression, onProgress });
        progress.finish();
        if (json) await printJson(index);
        else if (!quiet) {
          say(`Wrote an index of ${index.manifests.length} images to ${index.destination}: ${index.digest}`);
        }
      });
    });
}
