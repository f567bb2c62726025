import { Command } from "commander";
import { DockerArchive } from "../../formats/index.ts";
import type { Layer } from "../../image/index.ts";
import { printJson } from "../output.ts";
import { formatBytes, table } from "../table.ts";

export function command(): Command {
  return new Command("inspect")
    .description("Shows what is in an image: its name, its layers, and what they are made of.")
    .argument("<archive>", "an archive that docker save or varve wrote")
    .option("--json", "print JSON, for programs")
    .action(async (path: string, options: { json?: true }) => {
      await using archive = await DockerArchive.open(path);
      const { config, layers } = await archive.image();
      const { names } = archive.images[0];
      const { digest } = config.descriptor;
      if (options.json) {
        printJson({ names, config: digest, layers: layers.map(describe) });
        return;
      }
      const { architecture, created, os } = config.value;
      const total = layers.reduce((sum, layer) => sum + layer.descriptor.size, 0);
      process.stdout.write(
        [
          `Name:      ${names.join(", ") || "(none)"}`,
          `Image ID:  ${digest}`,
          `Platform:  ${os}/${architecture}`,
          `Created:   ${created ?? "(not said)"}`,
          `Size:      ${formatBytes(total)} in ${layers.length} layers`,
          "",
          layerTable(layers),
          "",
        ].join("\n"),
      );
    });
}

function describe({ diffId, descriptor, components }: Layer) {
  return { ...descriptor, diffId, components };
}

function layerTable(layers: readonly Layer[]): string {
  const rows = layers.map(({ descriptor, components }, index) => {
    const { size, digest } = descriptor;
    return [String(index + 1), formatBytes(size), summary(components), digest];
  });
  return table(["LAYER", "SIZE", "COMPONENTS", "DIGEST"], rows, ["right", "right", "left", "left"]);
}

const SHOWN_LENGTH = 44;

/** How many components there are, and the first by name. */
function summary(components: readonly string[]): string {
  const [first] = components;
  if (first === undefined) return "-";
  // A package is known by its name, a store path without its folder and hash.
  const name = first.replace(/^.*node_modules\//, "").replace(/^\/.*\/(?:[0-9a-z]{32}-)?/, "");
  const text = components.length === 1 ? name : `${components.length}: ${name}, …`;
  return text.length <= SHOWN_LENGTH ? text : `${text.slice(0, SHOWN_LENGTH - 1)}…`;
}
