import { Command } from "commander";
import { lock } from "#app";
import { bytesSource, shownJson, writeFileAtomically } from "#util";
import { print, say } from "../output.ts";
import { onMachine, type PlaceOptions, registryOptions } from "../places.ts";

interface LockOptions extends PlaceOptions {
  readonly output?: string;
  readonly quiet?: true;
}

export function command(): Command {
  return registryOptions(new Command("lock"))
    .description(
      "Writes down which image a reference means today: its manifest, and its config and layers with their digests and sizes. It can then be fetched again, the same, whatever the tag means by then.",
    )
    .argument("<reference>", "the image in the registry")
    .option(
      "--platform <os/arch[/variant]>",
      "which image of several (default: linux on this machine's architecture)",
    )
    .option("-o, --output <file>", "where to write the lock file (default: stdout)")
    .option("-q, --quiet", "print nothing but errors")
    .action(async (reference: string, { output, quiet, ...options }: LockOptions) => {
      const { insecure } = options;
      await onMachine({ ...options, cache: false }, async (operation) => {
        const found = { ...(await lock(reference, operation)), ...(insecure && { insecure }) };
        const text = `${shownJson(found, 2)}\n`;
        if (output === undefined) return await print(text);
        await writeFileAtomically(output, bytesSource(Buffer.from(text)).open());
        if (!quiet) say(`Locked ${found.reference} for ${found.platform} at ${found.digest} in ${output}`);
      });
    });
}
