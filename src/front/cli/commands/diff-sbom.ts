import { Command } from "commander";
import { diffSboms, type SbomComparison } from "#app";
import { table } from "#report";
import { shown } from "#util";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { jsonOption } from "../options.ts";
import { note, print, printJson, scriptOutput } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface DiffSbomOptions extends PlaceOptions, CacheOptions {
  readonly json?: true;
}

export function command(): Command {
  return cacheOptions(placeOptions(new Command("diff-sbom")))
    .description(
      "Says which packages two images don't have in common: what came, what went, and what has another version or licence.",
    )
    .argument(
      "<from>",
      "where the one image is; or its spec, its project's folder, or an SBOM: CycloneDX or SPDX 2, as JSON",
    )
    .argument("<to>", "the other, likewise")
    .addOption(jsonOption())
    .action(async (from: string, to: string, options: DiffSbomOptions) => {
      const compared = await onMachine(options, (operation) =>
        diffSboms(from, to, { ...operation, onNote: note, onOutput: scriptOutput }),
      );
      if (options.json) await printJson(compared);
      else await print(`${report(compared).join("\n")}\n`);
    });
}

type Change = SbomComparison["changes"][number];

const HEADINGS: Readonly<Record<Change["change"], string>> = {
  came: "Came:",
  went: "Went:",
  changed: "Changed:",
  licence: "The same, under another licence:",
};

function report({ changes, sources }: SbomComparison): string[] {
  if (changes.length === 0) return [shown(`${sources[0]} and ${sources[1]} have the same packages.`)];
  const kinds = Object.keys(HEADINGS) as Change["change"][];
  return kinds.flatMap((kind) => {
    const rows = changes.filter(({ change }) => change === kind).map(rowOf);
    if (rows.length === 0) return [];
    const lines = table(["PACKAGE", "TYPE", "VERSION", "LICENCE"], rows, ["left", "left", "left", "left"]);
    return [`${HEADINGS[kind]} ${rows.length}`, ...lines.split("\n").map((line) => `  ${line}`)];
  });
}

function rowOf({ name, type, from, to, licences }: Change): string[] {
  return [name, type, between(from, to), between(licences.from, licences.to)];
}

/** What there was and what there is now; once if that is the same, or one of them is nothing. */
function between(from: readonly string[], to: readonly string[]): string {
  const [before, after] = [from.join(", "), to.join(", ")];
  if (before === after || before === "" || after === "") return after || before;
  return `${before} → ${after}`;
}
