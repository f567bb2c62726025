import { Command } from "commander";
import { referrerTree } from "#app";
import { shown } from "#util";
import { jsonOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { treeLines } from "../tree-lines.ts";

interface TreeOptions extends PlaceOptions {
  readonly json?: true;
}

export function command(): Command {
  return placeOptions(
    new Command("tree"),
    "what hangs on the image for this platform alone (default: on the index, and all its images)",
  )
    .description(
      "Shows what hangs on an image, and on that in turn: signatures, attestations, SBOMs and whatever else was attached. Of an index the images are shown, and the attestations in it; cosign's old tags are looked at, too. What is said to hang on an image and doesn't is marked with !. Nothing is verified: varve verify does that.",
    )
    .argument("<source>", "where the image is: a registry, an OCI layout or an oci-archive")
    .addOption(jsonOption())
    .action(async (from: string, options: TreeOptions) => {
      await onMachine(options, async (operation) => {
        const { source, tree } = await referrerTree(from, operation);
        if (options.json) await printJson({ source, tree });
        else await print([shown(source), ...treeLines(tree), ""].join("\n"));
      });
    });
}
