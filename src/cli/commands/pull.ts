import { Command } from "commander";
import { type CopyOptions, copyImage, copyOptions } from "./copy.ts";

export function command(): Command {
  return copyOptions(new Command("pull"))
    .description("Copies an image from a registry to another place.")
    .argument("<reference>", "the image in the registry")
    .argument("<destination>", "where it is to be")
    .action(async (reference: string, destination: string, options: CopyOptions) => {
      await copyImage(inRegistry(reference), (transports) => transports.sink(destination), options);
    });
}

/** The place of an image in a registry, whatever files there are of that name. */
export function inRegistry(reference: string): string {
  return reference.startsWith("docker://") ? reference : `docker://${reference}`;
}
