import { Command } from "commander";
import { createIndex } from "#app";
import { pairs } from "../options.ts";
import { printJson, say } from "../output.ts";
import { onMachine } from "../places.ts";
import { Progress } from "../progress.ts";
import { indexLines, layerLines } from "../summary/summary.ts";
import { secondsSinceStart } from "../written.ts";
import { type CopyOptions, copyOptions } from "./copy.ts";

interface IndexOptions extends CopyOptions {
  readonly annotation?: Record<string, string>;
}

export function command(): Command {
  return new Command("index")
    .description("Works with indexes, which name an image for each of several platforms.")
    .addCommand(create());
}

function create(): Command {
  return copyOptions(new Command("create"))
    .description("Writes images for several platforms to one place, and an index over them.")
    .argument("<destination>", "where the index is to be: a registry, an OCI layout or an oci-archive")
    .argument(
      "<source...>",
      "where the images are, one for each platform; of an index, all its images, unless --platform names one",
    )
    .option("--annotation <key=value>", "add an annotation to the index; may be given several times", pairs)
    .action(async (destination: string, sources: string[], options: IndexOptions) => {
      const { compression, annotation: annotations, quiet = false, verbose = false, json = false } = options;
      await onMachine(options, async (operation) => {
        const progress = new Progress({ quiet, several: false });
        const onProgress = progress.report;
        const { images, ...index } = await createIndex(destination, sources, {
          ...operation,
          compression,
          annotations,
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
