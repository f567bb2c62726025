import { Command } from "commander";
import { type CopyOptions, copyImage, copyOptions } from "./copy.ts";

export function command(): Command {
  return copyOptions(new Command("load"))
    .description("Loads an image into the Docker daemon, under the names it comes with.")
    .argument("<source>", "where the image is")
    .action(async (source: string, options: CopyOptions) => {
      await copyImage(source, ({ transports }) => transports.daemonSink(), options);
    });
}
