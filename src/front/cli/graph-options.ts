/** The options of the commands that plan a references graph, which needs no spec. */
import type { Command } from "commander";
import { integer } from "./options.ts";

export interface GraphOptions {
  readonly maxLayers?: number;
  readonly from?: string;
  readonly key?: string;
}

/** Adds the options. */
export function graphOptions(command: Command): Command {
  return command
    .option(
      "--max-layers <n>",
      "how many layers the image may have (default: 100; for a Node project 20 besides its base's)",
      integer,
    )
    .option("--from-image, --from <place>", "the base image, whose layers count, too")
    .option("--key <key>", "the key under which a JSON object has its graph (default: the only one)");
}
