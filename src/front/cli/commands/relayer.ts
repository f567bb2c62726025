import { Command, Option } from "commander";
import { relayer } from "#app";
import type { CompressionChoice } from "#compress";
import { STRATEGIES } from "#plan";
import type { ImageSpecInput } from "#spec";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { integer, jsonOption } from "../options.ts";
import { note, warn } from "../output.ts";
import { compressionOption, onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { absolutePath } from "../strategy-options.ts";
import { tellWritten } from "../written.ts";

interface RelayerCommandOptions extends PlaceOptions, CacheOptions {
  readonly base?: string;
  readonly strategy?: ImageSpecInput["strategy"];
  readonly weights?: string;
  readonly layersFrom?: string;
  readonly lockFile?: string;
  readonly maxLayers?: number;
  readonly mtime?: number;
  readonly compression?: CompressionChoice;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly json?: true;
}

export function command(): Command {
  return cacheOptions(compressionOption(placeOptions(new Command("relayer"))))
    .description(
      "Splits an image, such as one that docker build made, into layers by the packages that are in it, so that an update sends only what changed. Its root file system stays the same, and its config but for layers and history.",
    )
    .argument("<source>", "where the image is")
    .argument("<destination>", "where it is to be")
    .option(
      "--base <place>",
      "the image that it was built on, whose layers stay as they are; annotated for the one that its annotations name",
    )
    .option(
      "--max-layers <n>",
      "how many layers the image may have (default: 20 besides the base's)",
      integer,
    )
    .addOption(
      new Option(
        "--strategy <name>",
        `how packages and folders are grouped (default: ${STRATEGIES[0]!.name})`,
      ).choices(STRATEGIES.map(({ name }) => name)),
    )
    .option("--weights <file>", "how often they change, a JSON object of whole numbers by name", absolutePath)
    .option(
      "--layers-from <place>",
      "keep to the layout of the last relayered image if that is worth it: that image, a lock file, or destination for the image that is where docker://… leads",
    )
    .option(
      "--lock-file <file>",
      "keep to the layout in a file, if it exists, and write the image's layout to it",
      absolutePath,
    )
    .option(
      "--mtime <seconds>",
      "the time of all entries, in seconds since 1970, for builds that give files new times each time (default: their own)",
      integer,
    )
    .option("-q, --quiet", "print nothing but errors")
    .option("-v, --verbose", "name all layers")
    .addOption(jsonOption())
    .action(run);
}

async function run(from: string, to: string, options: RelayerCommandOptions): Promise<void> {
  await onMachine(options, async (operation) => {
    const { base, strategy, weights, layersFrom, lockFile, maxLayers, mtime, compression } = options;
    const heard = options.quiet ? {} : { onWarning: warn, onNote: note };
    await tellWritten(async (onProgress) => {
      const given = { base, strategy, weights, layersFrom, lockFile, maxLayers, mtime, compression };
      return await relayer(from, to, { ...operation, ...given, ...heard, onProgress });
    }, options);
  });
}
