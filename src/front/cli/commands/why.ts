import { Command } from "commander";
import { compare } from "#app";
import { explain } from "#report";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { jsonOption } from "../options.ts";
import { note, print, printJson, scriptOutput } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface WhyOptions extends PlaceOptions, CacheOptions {
  readonly json?: true;
}

export function command(): Command {
  return cacheOptions(placeOptions(new Command("why")))
    .description(
      "Says what a change costs before it is paid: which layers of a new image differ from those of another, which packages or store paths in them changed and how, and how many bytes would be sent and pulled.",
    )
    .argument("<source>", "the image that exists already, or its spec")
    .argument("<new>", "the new image, or its spec: a JSON file; its image is measured, but not written")
    .addOption(jsonOption())
    .action(async (from: string, to: string, options: WhyOptions) => {
      await onMachine(options, async (operation) => {
        const compared = await compare(from, to, { ...operation, onNote: note, onOutput: scriptOutput });
        const { source, target, ...comparison } = compared;
        if (options.json) await printJson(comparison);
        else await print(explain(comparison, { source, target, licences: comparison.licences }));
      });
    });
}
