import { Command, Option } from "commander";
import { copy, copyWithReferrers, type Machine, type Target } from "#app";
import type { CompressionChoice } from "#compress";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { jsonOption } from "../options.ts";
import { tellSentence, warn } from "../output.ts";
import { compressionOption, onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { type SourceDemandOptions, sourceDemandOf, sourceDemandOptions } from "../signature-options.ts";
import { tellCopied, tellWritten } from "../written.ts";

export interface CopyOptions extends PlaceOptions, CacheOptions, SourceDemandOptions {
  readonly compression?: CompressionChoice;
  readonly referrers?: true;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly json?: true;
}

export function command(): Command {
  return referrersOption(copyOptions(new Command("copy")))
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
  return sourceDemandOptions(cacheOptions(compressionOption(placeOptions(command))))
    .option("-q, --quiet", "print nothing but errors")
    .option("-v, --verbose", "name all layers, and say which way an engine took them")
    .addOption(jsonOption());
}

/** Adds the option of those of them that copy to places where things hang on images. */
export function referrersOption(command: Command): Command {
  return command.addOption(
    new Option(
      "--referrers",
      "take along what hangs on the image, such as signatures and SBOMs, and what hangs on that; of an index copy all images, unless --platform names one",
    ).conflicts(["compression", "expectHash"]),
  );
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
    const verify = sourceDemandOf(options);
    const onWarning = quiet ? undefined : warn;
    const onDetail = options.verbose && tellSentence;
    if (options.referrers && typeof to === "string") {
      await tellCopied(
        (onProgress) =>
          copyWithReferrers(from, to, { ...operation, verify, onWarning, onProgress, onDetail }),
        options,
      );
      return;
    }
    await tellWritten(async (onProgress) => {
      return {
        places: await copy(from, to, { ...operation, verify, compression, onWarning, onProgress, onDetail }),
      };
    }, options);
  });
}
