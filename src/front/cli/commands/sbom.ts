import { Command, Option } from "commander";
import { type SbomFormat, sbom } from "#app";
import { counted } from "#report";
import { bytesSource, shown, writeFileAtomically } from "#util";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { note, print, say, scriptOutput } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface SbomCommandOptions extends PlaceOptions, CacheOptions {
  readonly format: SbomFormat;
  readonly output?: string;
}

export function command(): Command {
  return cacheOptions(placeOptions(new Command("sbom")))
    .description(
      "Writes down what an image is made of: packages with their licences, hashes and needs, and the layer that each is in. Nothing is unpacked or run, and the same image gives the same bytes.",
    )
    .argument(
      "<image>",
      "where the image is; or a spec or a project's folder, whose image is measured but not written",
    )
    .addOption(
      new Option("--format <name>", "CycloneDX 1.6 or SPDX 2.3, as JSON")
        .choices(["cyclonedx", "spdx"])
        .default("cyclonedx"),
    )
    .option("-o, --output <file>", "write it to a file (default: stdout)")
    .action(async (given: string, { format, output, ...options }: SbomCommandOptions) => {
      const { bytes, components, source } = await onMachine(options, (operation) =>
        sbom(given, { ...operation, format, onNote: note, onOutput: scriptOutput }),
      );
      if (output === undefined) {
        await print(bytes);
        return;
      }
      await writeFileAtomically(output, bytesSource(bytes).open());
      say(`Wrote ${shown(output)}: ${counted(components, "component")} of ${source}`);
    });
}
