import { Command } from "commander";
import { type ComparedRoots, compareRoots } from "#app";
import { counted } from "#report";
import { shown } from "#util";
import { BadResult } from "../failure.ts";
import { jsonOption } from "../options.ts";
import { print, printJson } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface CompareOptions extends PlaceOptions {
  readonly json?: true;
}

/** So many differences are listed. */
const MOST = 20;

export function command(): Command {
  return placeOptions(new Command("compare"))
    .description(
      "Says whether two images have the same root file system, whatever layers it is in: each path with its type, content, links, mode, owner, time and attributes. Ends with status 1 if not. (varve why says which layers differ.)",
    )
    .argument("<image>", "where the one image is")
    .argument("<other>", "where the other is")
    .addOption(jsonOption())
    .action(async (from: string, to: string, options: CompareOptions) => {
      const compared = await onMachine(options, (operation) => compareRoots(from, to, operation));
      if (options.json) await printJson(compared);
      else await print(report(compared));
      const { differences, sources } = compared;
      if (differences.length === 0) return;
      throw new BadResult(
        "ROOT_DIFFERS",
        `${sources[0]} and ${sources[1]} differ at ${counted(differences.length, "path")}`,
      );
    });
}

function report({ differences, paths, sources }: ComparedRoots): string {
  if (differences.length === 0) {
    const same = `${sources[0]} and ${sources[1]} have the same root file system: ${counted(paths[0], "path")}.`;
    return `${shown(same)}\n`;
  }
  const lines = differences
    .slice(0, MOST)
    .map(({ path, change, aspects }) => `${path}: ${aspects.length > 0 ? aspects.join(", ") : change}`);
  const rest = differences.length - lines.length;
  return [...lines.map((line) => shown(line)), ...(rest > 0 ? [`… and ${rest} more`] : []), ""].join("\n");
}
