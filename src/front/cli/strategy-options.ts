/** The options that say how components are grouped in layers: names and meaning are those of a spec's fields. */
import { resolve } from "node:path";
import { type Command, Option } from "commander";
import { STRATEGIES } from "#plan";
import type { ImageSpecInput } from "#spec";
import { list } from "./options.ts";

/** Adds the options. */
export function strategyOptions(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--strategy <name>",
        `how packages, or store paths, are grouped (default: ${STRATEGIES[0]!.name})`,
      ).choices(STRATEGIES.map(({ name }) => name)),
    )
    .option("--weights <file>", "how often they change, a JSON object of whole numbers by name", absolutePath)
    .option(
      "--layers-from <place>",
      "keep to the layout of the last build if that is worth it: an image, a lock file, or destination for the image that is where --push leads",
    )
    .option(
      "--shared-with <place>",
      "have the layers of another image as they are, where all that is in them is in this one, too: an image, or a lock file; may be given several times",
      list,
    )
    .addOption(
      new Option("--pipeline <file>", "group them as a layering pipeline says, a JSON list, as in nixpkgs")
        .argParser(absolutePath)
        .conflicts(["strategy", "weights", "layersFrom", "sharedWith"]),
    );
}

export function absolutePath(text: string): string {
  return resolve(text);
}

/** What the options are, as commander names them. */
export interface StrategyOptions {
  readonly strategy?: ImageSpecInput["strategy"];
  readonly weights?: string;
  readonly layersFrom?: string;
  readonly sharedWith?: string[];
  readonly lockFile?: string;
  readonly pipeline?: string;
}

/**
 * The spec's fields that the options replace. A strategy option also replaces a spec's pipeline, and a pipeline option replaces
 * everything about strategies.
 */
export function strategyFields(options: StrategyOptions): Partial<ImageSpecInput> {
  const { strategy, weights, layersFrom, sharedWith, lockFile, pipeline } = options;
  const named = { strategy, weights, layersFrom, sharedWith };
  const given = Object.entries({ ...named, lockFile }).filter(([, value]) => value !== undefined);
  if (pipeline !== undefined) {
    const none = { strategy: undefined, weights: undefined, layersFrom: undefined, sharedWith: undefined };
    return { ...Object.fromEntries(given), ...(none as object), layeringPipeline: pipeline };
  }
  const isNamed = Object.values(named).some((value) => value !== undefined);
  return { ...Object.fromEntries(given), ...((isNamed ? { layeringPipeline: undefined } : {}) as object) };
}
