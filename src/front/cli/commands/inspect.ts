import { Command, Option } from "commander";
import { type ImageDescription, type ImageDocuments, inspect, referrerTree } from "#app";
import { VarveError } from "#errors";
import { formatPlatform } from "#oci";
import type { ReferrerNode } from "#referrers";
import { formatBytes, nameOf, table } from "#report";
import { shown } from "#util";
import { jsonOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { childLines } from "../tree-lines.ts";

interface InspectOptions extends PlaceOptions {
  readonly raw?: true;
  readonly config?: true;
  readonly referrers?: true;
  readonly json?: true;
}

export function command(): Command {
  return placeOptions(new Command("inspect"))
    .description(
      "Shows what is in an image: its names, its layers, and what they are made of. --raw and --config print the documents as they are, byte for byte, even what a terminal would interpret.",
    )
    .argument("<source>", "where the image is")
    .option("--raw", "print the manifest as it is, or the index of an image for several platforms")
    .option("--config", "print the config as it is")
    .addOption(
      new Option(
        "--referrers",
        "show what hangs on it as well, or on the index that it was chosen from, as varve tree does",
      ).conflicts(["raw", "config"]),
    )
    .addOption(jsonOption())
    .action(async (from: string, options: InspectOptions) => {
      await onMachine(options, async (operation) => {
        const { source, description, documents } = await inspect(from, operation);
        // With a platform the user means that image, and not the index that it was chosen from.
        const index = options.platform === undefined ? documents.index : undefined;
        const tree = options.referrers && (await referrerTree(from, operation)).tree;
        if (options.raw) await print(index ?? manifestOf(documents, source));
        else if (options.config) await print(documents.config);
        else if (options.json) await printJson({ ...description, ...(tree && { tree }) });
        else await print(summary(description) + (tree ? hangingLines(tree) : ""));
      });
    });
}

function manifestOf({ manifest }: ImageDocuments, source: string): Uint8Array {
  if (manifest !== undefined) return manifest;
  throw new VarveError(
    "INVALID_IMAGE",
    `${source} has no manifest, as docker-archives have none; --config shows its config`,
  );
}

function summary({ names, digest, index, config, platform, created, layers }: ImageDescription): string {
  const total = layers.reduce((sum, { size }) => sum + size, 0);
  const facts = [
    `Name:      ${names.join(", ") || "(none)"}`,
    ...(digest === undefined ? [] : [`Digest:    ${digest}`]),
    ...(index === undefined ? [] : [`Index:     ${index.digest}, for ${index.platforms.join(", ")}`]),
    `Image ID:  ${config}`,
    `Platform:  ${formatPlatform(platform)}`,
    `Created:   ${created ?? "(not said)"}`,
    `Size:      ${formatBytes(total)} in ${layers.length} layers`,
  ];
  return [...facts.map((fact) => shown(fact)), "", layerTable(layers), ""].join("\n");
}

function hangingLines(tree: ReferrerNode): string {
  const lines = childLines(tree, "  ");
  const heading = lines.length === 0 ? "Nothing hangs on it." : `Hanging on ${tree.descriptor.digest}:`;
  return ["", heading, ...lines, ""].join("\n");
}

function layerTable(layers: ImageDescription["layers"]): string {
  const rows = layers.map((layer, index) => {
    return [String(index + 1), formatBytes(layer.size), shorten(layer), layer.digest];
  });
  // A package's path is relative to its project.
  const isNode = layers.some(({ example }) => example !== undefined && !example.startsWith("/"));
  return table(["LAYER", "SIZE", isNode ? "PACKAGES" : "COMPONENTS", "DIGEST"], rows, [
    "right",
    "right",
    "left",
    "left",
  ]);
}

const SHOWN_LENGTH = 44;

/** How many components there are, and one by name. */
function shorten({ count, example }: ImageDescription["layers"][number]): string {
  if (example === undefined) return "-";
  const name = nameOf({ id: example });
  return shown(count === 1 ? name : `${count}: ${name}, …`, SHOWN_LENGTH);
}
