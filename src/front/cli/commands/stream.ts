import { Command } from "commander";
import { readConf, streamImage } from "#dockertools";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { say, writeToStdout } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

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
      await onMachine(options, async (operation) => {
        const { machine, signal } = operation;
        const conf = await readConf(path, { now: machine.now(), signal });
        const { repoTag } = options;
        await streamImage(conf, writeToStdout, { ...operation, repoTag, onStep: say });
      });
    });
}
