import { Command } from "commander";
import { VarveError } from "#errors";
import type { Image, Layer } from "#image";
import { formatPlatform, type ImageIndex } from "#oci";
import { formatBytes, table } from "#report";
import { shown } from "#util";
import { print, printJson } from "../output.ts";
import { type PlaceOptions, placeOptions, withPlaces } from "../places.ts";

interface InspectOptions extends PlaceOptions {
  readonly raw?: true;
  readonly config?: true;
  readonly json?: true;
}

export function command(): Command {
  return placeOptions(new Command("inspect"))
    .description(
      "Shows what is in an image: its names, its layers, and what they are made of. --raw and --config print the image's very bytes, and whatever a terminal would do with them.",
    )
    .argument("<source>", "where the image is")
    .option("--raw", "print the manifest as it is, or the index of an image for several platforms")
    .option("--config", "print the config as it is")
    .option("--json", "print JSON, for programs")
    .action(async (from: string, options: InspectOptions) => {
      await withPlaces(options, async ({ transports, read }) => {
        await using source = await transports.source(from);
        const image = await source.read(read);
        // Who names a platform means that image, and not what it was chosen from.
        const index = options.platform === undefined ? image.index : undefined;
        if (options.raw) await print(index?.bytes ?? manifestOf(image, source.name));
        else if (options.config) await print(image.config.bytes);
        else if (options.json) await printJson(describe(image));
        else await print(summary(image));
      });
    });
}

function manifestOf({ manifest }: Image, name: string): Uint8Array {
  if (manifest !== undefined) return manifest.bytes;
  throw new VarveError(
    "INVALID_IMAGE",
    `${name} has no manifest, as docker-archives have none; --config shows its config`,
  );
}

function describe({ names, manifest, index, config, layers }: Image) {
  const { os, architecture, variant, created } = config.value;
  return {
    names,
    digest: manifest?.descriptor.digest,
    config: config.descriptor.digest,
    platform: { os, architecture, variant },
    ...(index === undefined
      ? {}
      : { index: { digest: index.descriptor.digest, platforms: platformsOf(index.value) } }),
    created,
    layers: layers.map(({ descriptor, diffId, components }) => ({ ...descriptor, diffId, components })),
  };
}

/** The platforms that an index says it has images for. */
function platformsOf({ manifests }: ImageIndex): string[] {
  const platforms = manifests.flatMap(({ platform }) => (platform === undefined ? [] : [platform]));
  // Builders put their attestations into the index as if they were for a platform.
  return platforms.filter(({ os }) => os !== "unknown").map(formatPlatform);
}

function summary({ names, manifest, index, config, layers }: Image): string {
  const { architecture, created, os, variant } = config.value;
  const total = layers.reduce((sum, layer) => sum + layer.descriptor.size, 0);
  const facts = [
    `Name:      ${names.join(", ") || "(none)"}`,
    ...(manifest === undefined ? [] : [`Digest:    ${manifest.descriptor.digest}`]),
    ...(index === undefined
      ? []
      : [`Index:     ${index.descriptor.digest}, for ${platformsOf(index.value).join(", ")}`]),
    `Image ID:  ${config.descriptor.digest}`,
    `Platform:  ${[os, architecture, variant].filter(Boolean).join("/")}`,
    `Created:   ${created ?? "(not said)"}`,
    `Size:      ${formatBytes(total)} in ${layers.length} layers`,
  ];
  return [...facts.map((fact) => shown(fact)), "", layerTable(layers), ""].join("\n");
}

function layerTable(layers: readonly Layer[]): string {
  const rows = layers.map(({ descriptor, components }, index) => {
    const { size, digest } = descriptor;
    return [String(index + 1), formatBytes(size), shorten(components), digest];
  });
  return table(["LAYER", "SIZE", "COMPONENTS", "DIGEST"], rows, ["right", "right", "left", "left"]);
}

const SHOWN_LENGTH = 44;

/** How many components there are, and the first by name. */
function shorten(components: readonly string[]): string {
  const [first] = components;
  if (first === undefined) return "-";
  // A package is known by its name, a store path without its folder and hash.
  const name = first.replace(/^.*node_modules\//s, "").replace(/^\/.*\/(?:[0-9a-z]{32}-)?/s, "");
  return shown(components.length === 1 ? name : `${components.length}: ${name}, …`, SHOWN_LENGTH);
}
