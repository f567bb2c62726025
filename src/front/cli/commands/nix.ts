/** What `nix/` calls. The steps are builders: they find their arguments in Nix's structured attributes. */
import { existsSync } from "node:fs";
import { Command } from "commander";
import { lockedBlob, type Machine, type Target } from "#app";
import { checkIsWhole, NIX_STEPS, readConf, type StreamConf, writeConfImage } from "#dockertools";
import { parseDigest } from "#oci";
import { writeFileAtomically } from "#util";
import { integer } from "../options.ts";
import { note, say, scriptOutput } from "../output.ts";
import { onMachine, type PlaceOptions, registryOptions } from "../places.ts";
import { tellWritten } from "../written.ts";
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
      .action(async () => {
        // A derivation's output depends only on its inputs, so the digest cache of the builder's user isn't used.
        await onMachine({ cache: false }, async ({ machine, signal }) => {
          const read = { platform: machine.platform, signal };
          const context = { machine, read, signal, onNote: note, onStep: say, onOutput: scriptOutput };
          await run(attributesFile(), context);
        });
      });
  }
  copyOptions(command.command("push"))
    .description("Pushes the image of a conf. Layers that the registry has aren't sent.")
    .argument("<conf>", "the conf, a JSON file")
    .argument("<reference>", "the name it gets in the registry")
    .action(async (conf: string, reference: string, options: CopyOptions) => {
      await writeConf(conf, () => inRegistry(reference), options);
    });
  copyOptions(command.command("load"))
    .description("Loads the image of a conf into the Docker daemon.")
    .argument("<conf>", "the conf, a JSON file")
    .action(async (conf: string, options: CopyOptions) => {
      const target = ({ transports }: Machine, image: StreamConf) => {
        checkIsWhole(image);
        return transports.daemonSink();
      };
      await writeConf(conf, target, options);
    });
  registryOptions(command.command("blob"))
    .description("Fetches a blob of an image that is locked.")
    .argument("<reference>", "the image in the registry")
    .argument("<digest>", "the blob's digest")
    .argument("<size>", "its bytes", integer)
    .argument("<file>", "where it is written")
    .action(writeBlob);
  return command;
}

async function writeBlob(
  reference: string,
  digest: string,
  size: number,
  file: string,
  options: PlaceOptions,
): Promise<void> {
  const blob = { digest: parseDigest(digest, "the blob's digest"), size };
  await onMachine({ ...options, cache: false }, async (operation) => {
    await lockedBlob(reference, blob, {
      ...operation,
      use: (bytes) => writeFileAtomically(file, bytes, { signal: operation.signal }),
    });
  });
}

/** Nix 2.8 names the file by its path outside of the sandbox; there, as ever, it is in the builder's folder. */
function attributesFile(): string {
  const named = process.env["NIX_ATTRS_JSON_FILE"];
  return named !== undefined && existsSync(named) ? named : ".attrs.json";
}

async function writeConf(
  path: string,
  target: (machine: Machine, image: StreamConf) => Target | Promise<Target>,
  options: CopyOptions,
): Promise<void> {
  await onMachine(options, async (operation) => {
    const { machine, signal } = operation;
    const conf = await readConf(path, { now: machine.now(), signal });
    const to = [await target(operation.machine, conf)];
    const { compression } = options;
    await tellWritten(async (onProgress) => {
      return { places: await writeConfImage(conf, to, { ...operation, compression, onProgress }) };
    }, options);
  });
}
