import { Command } from "commander";
import { formatBytes, table } from "#report";
import { shown } from "#util";
import { validateImage } from "#write";
import { print, printJson } from "../output.ts";
import { type PlaceOptions, placeOptions, withPlaces } from "../places.ts";

interface ValidateOptions extends PlaceOptions {
  readonly json?: true;
}

export function command(): Command {
  return placeOptions(new Command("validate"))
    .description("Reads all of an image and checks that every digest, size and archive in it is sound.")
    .argument("<source>", "where the image is")
    .option("--json", "print JSON, for programs")
    .action(async (from: string, options: ValidateOptions) => {
      await withPlaces(options, async ({ transports, read, signal }) => {
        await using source = await transports.source(from);
        const image = await source.read(read);
        const layers = [];
        for await (const { layer, size, entries } of validateImage(image, { signal })) {
          layers.push({ digest: layer.descriptor.digest, diffId: layer.diffId, size, entries });
        }
        if (options.json) {
          const manifest = image.manifest?.descriptor.digest;
          await printJson({ manifest, config: image.config.descriptor.digest, layers });
          return;
        }
        const rows = layers.map(({ digest, size, entries }, index) => [
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
        await print(`${lines}\n${shown(source.name)} is sound.\n`);
      });
    });
}
