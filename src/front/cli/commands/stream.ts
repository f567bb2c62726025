import { Command } from "commander";
import { readConf, type StreamConf, streamConf } from "#dockertools";
import type { ImageSource } from "#image";
import { parseSource, type Transports } from "#transports";
import type { SpoolLimit } from "#util";
import { type CacheOptions, cacheOptions, wantedCache } from "../cache-options.ts";
import { say, writeToStdout } from "../output.ts";
import { type PlaceOptions, placeOptions, withPlaces } from "../places.ts";

interface StreamOptions extends PlaceOptions, CacheOptions {
  readonly repoTag?: string;
}

export function command(): Command {
  return cacheOptions(placeOptions(new Command("stream")))
    .description(
      "Writes the image that a conf of nixpkgs' streamLayeredImage asks for to stdout, as a docker-archive: the same bytes as nixpkgs' own script.",
    )
    .argument("<conf>", "the conf, a JSON file")
    .option("-t, --repo-tag <name:tag>", "the image's name and tag, in place of the conf's")
    .action(async (path: string, options: StreamOptions) => {
      const conf = await readConf(path, { now: new Date() });
      await withPlaces(options, async ({ transports, read, signal }) => {
        await using source = await openBase(conf, transports, options);
        const base = await source?.read(read);
        await writeToStdout(
          streamConf(conf, {
            ...(base === undefined ? {} : { base }),
            ...(options.repoTag === undefined ? {} : { repoTag: options.repoTag }),
            cache: wantedCache(options),
            maxSpool: options.maxSpool,
            onMessage: say,
            signal,
          }),
        );
      });
    });
}

/** The base image, unless it is a docker-archive, whose very headers nixpkgs' script keeps. */
async function openBase(
  { fromImage }: StreamConf,
  transports: Transports,
  limit: SpoolLimit,
): Promise<ImageSource | undefined> {
  if (fromImage === undefined) return undefined;
  const place = await parseSource(fromImage, limit);
  const plain = place.transport === "docker-archive" && place.path === fromImage;
  return plain ? undefined : await transports.source(fromImage);
}
