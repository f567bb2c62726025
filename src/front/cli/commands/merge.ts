import { Command } from "commander";
import { type MergeOptions, merge } from "#app";
import { VarveError } from "#errors";
import { formatBytes } from "#report";
import { say, stdoutOutput } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface MergeCommandOptions extends PlaceOptions {
  readonly quiet?: true;
  readonly verbose?: true;
}

export function command(): Command {
  return placeOptions(new Command("merge"))
    .description(
      "Writes several images to one archive or OCI layout. Each keeps its names; layers that they share are written once.",
    )
    .argument(
      "<places...>",
      "where the images are and, last, where to write them: a docker-archive, an OCI archive or layout, or - for a docker-archive on stdout",
    )
    .option("-q, --quiet", "print nothing but errors")
    .option("-v, --verbose", "name all layers")
    .action(async (places: string[], options: MergeCommandOptions) => {
      const from = places.slice(0, -1);
      if (from.length === 0) {
        throw new VarveError(
          "USAGE",
          `${places[0]} is the only place named; name images and, last, a destination`,
        );
      }
      const last = places.at(-1)!;
      const to = last === "-" ? stdoutOutput() : last;
      await onMachine(options, async (operation) => {
        const onLayer = options.verbose && !options.quiet ? tell : undefined;
        const { images, destination } = await merge(from, to, { ...operation, onLayer });
        if (!options.quiet) say(`Wrote ${images} images to ${destination}`);
      });
    });
}

const tell: NonNullable<MergeOptions["onLayer"]> = ({ descriptor }, { image, index, shared }) => {
  const name = `image ${String(image + 1).padStart(3)}  layer ${String(index + 1).padStart(3)}`;
  const size = formatBytes(descriptor.size).padStart(7);
  say(`${name}  ${descriptor.digest.slice(7, 19)}  ${size}  ${shared ? "already there" : "written"}`);
};
