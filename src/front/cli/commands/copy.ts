import { Command } from "commander";
import type { CompressionChoice } from "#compress";
import { draftOf, type Image } from "#image";
import type { Transports } from "#transports";
import { type ImageSink, transcoded } from "#write";
import { type CacheOptions, cacheOptions, wantedCache } from "../cache-options.ts";
import { compressionOption, type PlaceOptions, placeOptions, withPlaces } from "../places.ts";
import { transfer } from "../transfer.ts";

export interface CopyOptions extends PlaceOptions, CacheOptions {
  readonly compression?: CompressionChoice;
  readonly quiet?: true;
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
      await copyImage(source, (transports) => transports.sink(destination), options);
    });
}

/** Adds the options of the commands that copy. */
export function copyOptions(command: Command): Command {
  return cacheOptions(compressionOption(placeOptions(command)))
    .option("-q, --quiet", "print nothing but errors")
    .option("--json", "print the result as JSON, for programs");
}

/** Copies an image into a sink. */
export async function copyImage(
  from: string,
  openSink: (transports: Transports) => Promise<ImageSink>,
  options: CopyOptions,
): Promise<void> {
  await withPlaces(options, async ({ transports, read, signal }) => {
    const sink = await openSink(transports);
    await using source = await transports.source(from);
    const image = await source.read(read);
    await transfer(draft(image, options.compression), [sink], {
      ...options,
      cache: wantedCache(options),
      signal,
    });
  });
}

function draft(image: Image, compression: CompressionChoice | undefined) {
  return compression === undefined ? draftOf(image) : transcoded(image, compression);
}
