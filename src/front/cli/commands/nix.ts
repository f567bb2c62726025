/** What `nix/` calls. The steps are builders: they find their arguments in Nix's structured attributes. */
import { existsSync } from "node:fs";
import { Command } from "commander";
import { confDraft, readConf } from "#dockertools";
import type { Transports } from "#transports";
import type { ImageSink } from "#write";
import { wantedCache } from "../cache-options.ts";
import { NIX_STEPS } from "../nix-steps.ts";
import { withPlaces } from "../places.ts";
import { transfer } from "../transfer.ts";
import { type CopyOptions, copyOptions } from "./copy.ts";
import { inRegistry } from "./pull.ts";

export function command(): Command {
  const command = new Command("nix").description(
    "What varve's Nix functions call: steps that build, and programs that push and load what is in the store.",
  );
  for (const [name, { description, run }] of Object.entries(NIX_STEPS)) {
    command
      .command(name)
      .description(description)
      .action(() => run(attributesFile()));
  }
  copyOptions(command.command("push"))
    .description("Pushes the image of a conf. Layers that the registry has aren't sent.")
    .argument("<conf>", "the conf, a JSON file")
    .argument("<reference>", "the name it gets in the registry")
    .action(async (conf: string, reference: string, options: CopyOptions) => {
      await transferConf(conf, (transports) => transports.sink(inRegistry(reference)), options);
    });
  copyOptions(command.command("load"))
    .description("Loads the image of a conf into the Docker daemon.")
    .argument("<conf>", "the conf, a JSON file")
    .action(async (conf: string, options: CopyOptions) => {
      await transferConf(conf, (transports) => transports.daemonSink(), options);
    });
  return command;
}

/** Nix 2.8 names the file by its path outside of the sandbox; there, as ever, it is in the builder's folder. */
function attributesFile(): string {
  const named = process.env["NIX_ATTRS_JSON_FILE"];
  return named !== undefined && existsSync(named) ? named : ".attrs.json";
}

async function transferConf(
  path: string,
  openSink: (transports: Transports) => Promise<ImageSink>,
  options: CopyOptions,
): Promise<void> {
  const conf = await readConf(path, { now: new Date() });
  const cache = wantedCache(options);
  await withPlaces(options, async ({ transports, read, signal }) => {
    const sink = await openSink(transports);
    await using source = conf.fromImage === undefined ? undefined : await transports.source(conf.fromImage);
    const draft = await confDraft(conf, { base: await source?.read(read), cache });
    await transfer(draft, [sink], { ...options, cache, signal });
  });
}
