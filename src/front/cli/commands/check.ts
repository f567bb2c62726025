import { Command } from "commander";
import { type CheckedImage, check } from "#app";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { BadResult } from "../failure.ts";
import { findingLines } from "../findings.ts";
import { jsonOption, list } from "../options.ts";
import { note, print, printJson, scriptOutput } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";

interface CheckCommandOptions extends PlaceOptions, CacheOptions {
  readonly base?: string;
  readonly json?: true;
  readonly audit?: readonly string[];
  readonly vex?: readonly string[];
}

export function command(): Command {
  return cacheOptions(placeOptions(new Command("check")))
    .description(
      "Looks for what is wrong with an image before it is used: programs and libraries that can't be loaded, a command or user that isn't there, links that lead nowhere, secrets. Nothing is unpacked or run. Ends with status 1 if something is sure to fail.",
    )
    .argument(
      "<image>",
      "where the image is; or a spec or a project's folder, whose image is made but not written",
    )
    .option(
      "--base <place>",
      "the image that it is based on, whose own findings fail nothing (default: what the image says, or the spec)",
    )
    .option(
      "--audit <path>",
      "also hold it against advisories in OSV's format: a JSON file, a folder of them, or OSV's all.zip; nothing is fetched; may be given several times",
      list,
    )
    .option(
      "--vex <file>",
      "an OpenVEX document that says what it isn't affected by; may be given several times",
      list,
    )
    .addOption(jsonOption())
    .action(async (given: string, { base, audit, vex, ...options }: CheckCommandOptions) => {
      const checked = await onMachine(options, async (operation) =>
        check(given, { ...operation, base, audit, vex, onNote: note, onOutput: scriptOutput }),
      );
      if (options.json) await printJson(checked);
      else await print(report(checked));
      const { source, errors } = checked;
      if (errors === 0) return;
      const count = errors === 1 ? "an error" : `${errors} errors`;
      throw new BadResult(
        "CHECK_FAILED",
        `${source} has ${count}; docs/check.md says of each code what to do`,
      );
    });
}

function report(checked: CheckedImage): string {
  const { source, findings, errors } = checked;
  const own = findings.filter(({ isBase }) => !isBase).length;
  const lines = findingLines(checked, { most: 20, withBase: true });
  const end = errors > 0 ? [] : [own > 0 ? `${source} has no errors.` : `Nothing is wrong with ${source}.`];
  return [...lines, ...(lines.length > 0 && end.length > 0 ? [""] : []), ...end, ""].join("\n");
}
