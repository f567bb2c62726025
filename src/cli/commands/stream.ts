import { Command } from "commander";
import { readConf, streamLayeredImage } from "../../dockertools/index.ts";
import { interruptSignal } from "../interrupt.ts";
import { say, writeToStdout } from "../output.ts";

export function command(): Command {
  return new Command("stream")
    .description(
      "Writes the image that a conf of nixpkgs' streamLayeredImage asks for to stdout, as a docker-archive: the same bytes as nixpkgs' own script.",
    )
    .argument("<conf>", "the conf, a JSON file")
    .option("-t, --repo-tag <name:tag>", "the image's name and tag, in place of the conf's")
    .action(async (path: string, options: { repoTag?: string }) => {
      const conf = await readConf(path, { now: new Date() });
      await writeToStdout(
        streamLayeredImage(conf, {
          ...(options.repoTag === undefined ? {} : { repoTag: options.repoTag }),
          onMessage: say,
          signal: interruptSignal(),
        }),
      );
    });
}
