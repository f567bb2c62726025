import { Command } from "commander";
import { copy, type Machine, type Target } from "#app";
import type { CompressionChoice } from "#compress";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { jsonOption } from "../options.ts";
import { tellSentence, warn } from "../output.ts";
import { compressionOption, onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { tellWritten } from "../written.ts";

export interface CopyOptions extends PlaceOptions, CacheOptions {
  readonly compression?: CompressionChoice;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly json?: true;
}

export function command(): Command {
  return copyOptions(new Command("copy"))
    .description(
      "Copies an image from one place to another. Its digest stays, where the destination can hold it as it is.",
    )
    .argument("<source>", "where the image is")
    .argument("<destination>", "where it is to be")
    .action(async (source: string, destination: string, options: CopyOptions) => {
      await copyImage(source, () => destination, options);
    });
}

/** Adds the options of the commands that copy. */
export function copyOptions(command: Command): Command {
  return cacheOptions(compressionOption(placeOptions(command)))
    .option("-q, --quiet", "print nothing but errors")
    .option("-v, --verbose", "name all layers, and say which way an engine took them")
    .addOption(jsonOption());
}

/** Copies an image to one place, and reports it. */
export async function copyImage(
  from: string,
  target: (machine: Machine) => Target | Promise<Target>,
  options: CopyOptions,
): Promise<void> {
  await onMachine(options, async (operation) => {
    const to = await target(operation.machine);
    const { compression, quiet = false } = options;
    const onWarning = quiet ? undefined : warn;
    const onDetail = options.verbose && tellSentence;
    await tellWritten(async (onProgress) => {
      return { places: await copy(from, to, { ...operation, compression, onWarning, onProgress, onDetail }) };
    }, options);
  });
}
