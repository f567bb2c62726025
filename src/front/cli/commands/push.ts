import { Command } from "commander";
import { type CopyOptions, copyImage, copyOptions, referrersOption } from "./copy.ts";
import { inRegistry } from "./pull.ts";

export function command(): Command {
  return referrersOption(copyOptions(new Command("push")))
    .description("Copies an image to a registry. Layers that the registry has aren't sent.")
    .argument("<source>", "where the image is")
    .argument("<reference>", "the name it gets in the registry")
    .action(async (source: string, reference: string, options: CopyOptions) => {
      await copyImage(source, () => inRegistry(reference), options);
    });
}
