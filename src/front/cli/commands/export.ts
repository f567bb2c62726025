import { Command } from "commander";
import { exportRoot } from "#app";
import { VarveError } from "#errors";
import type { FlattenProgress } from "#flatten";
import { fileOutput } from "#formats";
import type { Layer } from "#image";
import { formatBytes } from "#report";
import { integer } from "../options.ts";
import { say, stdoutOutput } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface ExportOptions extends PlaceOptions {
  readonly output?: string;
  readonly mtime?: number;
  readonly quiet?: true;
  readonly verbose?: true;
}

export function command(): Command {
  return placeOptions(new Command("export"))
    .description(
      "Writes an image's root file system as one tar archive: its layers on top of each other, without what they delete.",
    )
    .argument("<source>", "where the image is")
    .argument(
      "[file]",
      "where to write the archive, compressed if the name ends in .gz, .tgz or .zst; - for stdout",
    )
    .option("-o, --output <file>", "the same as the second argument")
    .option(
      "--mtime <seconds>",
      "the time of all entries, in seconds since 1970 (default: their own)",
      integer,
    )
    .option("-q, --quiet", "print nothing but errors")
    .option("-v, --verbose", "name all layers")
    .action(async (from: string, file: string | undefined, options: ExportOptions) => {
      const output = outputOf(file, options.output);
      await onMachine(options, async (operation) => {
        const { mtime, quiet, verbose } = options;
        const onLayer = verbose && !quiet ? tell : undefined;
        const source = await exportRoot(from, output, { ...operation, mtime, onLayer });
        if (!quiet) say(`Wrote the root file system of ${source} to ${output.name}`);
      });
    });
}

function outputOf(file: string | undefined, option: string | undefined) {
  if (file !== undefined && option !== undefined && file !== option) {
    throw new VarveError("USAGE", `the archive can't be both ${file} and ${option}; name one file`);
  }
  const path = file ?? option ?? "-";
  return path === "-" ? stdoutOutput() : fileOutput(path);
}

const WORDS = { entries: "listed", contents: "written" } as const;

function tell({ descriptor: { digest, size } }: Layer, { index, read }: FlattenProgress): void {
  const name = `layer ${String(index + 1).padStart(3)}  ${digest.slice(7, 19)}`;
  say(`${name}  ${formatBytes(size).padStart(7)}  ${WORDS[read]}`);
}
