import { Command, InvalidArgumentError } from "commander";
import { collectGarbage, type Garbage, type GcReport } from "#app";
import { parseDigest } from "#oci";
import { formatBytes, table } from "#report";
import { readWhole, shown } from "#util";
import { integer, jsonOption } from "../options.ts";
import { print, printJson, say, warn } from "../output.ts";
import { onMachine, type PlaceOptions, registryOptions } from "../places.ts";

interface GcCommandOptions extends PlaceOptions {
  readonly delete?: true;
  readonly olderThan?: number;
  readonly keepTags?: RegExp;
  readonly unusedJobs?: true;
  readonly untaggedFrom?: string;
  readonly json?: true;
}

/** In bytes: a file with two hundred thousand digests. */
const MAX_DIGESTS = 16 * 1024 * 1024;

export function command(): Command {
  const command = new Command("gc")
    .description(
      "Says what in repositories of registries, or in OCI layouts, no longer hangs on anything: in a layout, blobs that nothing names; in a repository, what hangs on images that are gone, and parts of shared caches that nothing needs. Registries list tags alone, so manifests that have none are only found where --untagged-from names them.",
    )
    .argument("<place...>", "repositories, such as example.com/team/app, and layouts, such as oci:folder")
    .option("--delete", "remove what is found")
    .option(
      "--older-than <days>",
      "also images that say they were made longer ago; reproducible ones mostly don't say",
      integer,
    )
    .option(
      "--keep-tags <regexp>",
      "with --older-than: keep images whose tag this fits, such as ^v[0-9]",
      regexp,
    )
    .option(
      "--unused-jobs",
      "also results of varve layer whose layers no image has that stays; for when no jobs are under way",
    )
    .option(
      "--untagged-from <file>",
      "also those of the digests in this file, one a line, that nothing names any more",
    )
    .addOption(jsonOption());
  return registryOptions(command).action(run);
}

async function run(places: string[], options: GcCommandOptions): Promise<void> {
  const { olderThan, keepTags, unusedJobs, untaggedFrom, json } = options;
  await onMachine({ ...options, cache: false }, async ({ machine, signal }) => {
    const untagged =
      untaggedFrom === undefined
        ? []
        : (await readWhole(untaggedFrom, { limit: MAX_DIGESTS, signal }))
            .toString()
            .split("\n")
            .map((line) => line.trim())
            .filter((line) => line !== "" && !line.startsWith("#"))
            .map((line) => parseDigest(line, shown(untaggedFrom)));
    const reports: GcReport[] = [];
    for (const place of places) {
      const given = { machine, signal, delete: options.delete, olderThan, keepTags, unusedJobs, untagged };
      const report = await collectGarbage(place, given);
      if (json) reports.push(report);
      else await tell(report);
    }
    if (json) await printJson(reports);
  });
}

async function tell(report: GcReport): Promise<void> {
  const { place, garbage, freed, shared, kept, missing, undated, unread, removed } = report;
  for (const { name, why } of unread) warn(`${name} is kept, since it can't be read: ${why}`);
  for (const { digest, namedBy } of missing) warn(`${namedBy} names ${digest}, which isn't there`);
  if (undated.length > 0) {
    say(`${undated.length} tags are kept, since their images don't say when they were made.`);
  }
  if (garbage.length === 0) {
    await print(`${shown(place)} has nothing that nothing hangs on; ${formatBytes(kept)} are needed.\n`);
    return;
  }
  const rows = garbage.map((each) => [
    each.tags.length === 0 ? each.digest : each.tags.join(", "),
    formatBytes(each.bytes),
    wordsFor(each),
  ]);
  const lines = table(["WHAT", "SIZE", "WHY"], rows, ["left", "right", "left"]);
  const also = shared === 0 ? "" : ` Another ${formatBytes(shared)} of it are needed elsewhere in it.`;
  const done = removed ? "Removed" : "Not needed";
  const more = removed ? "" : "; --delete removes it";
  await print(
    `${lines}\n${done} in ${shown(place)}: ${formatBytes(freed)}, and ${formatBytes(kept)} are needed${more}.${also}\n`,
  );
}

function wordsFor({ reason }: Garbage): string {
  switch (reason.kind) {
    case "old":
      return `made ${reason.of ?? ""}`;
    case "subject-gone":
      return `hangs on ${reason.of ?? ""}, which is gone`;
    case "cache-gone":
      return `a part of the cache ${reason.of ?? ""}, which is gone`;
    case "replaced":
      return "a part of a cache that another has replaced";
    case "unused-job":
      return "the result of a job, of a layer that no image has";
    case "untagged":
      return "nothing names it";
    case "unnamed":
      return "nothing names it";
  }
}

function regexp(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch {
    throw new InvalidArgumentError("It must be a regular expression, such as ^v[0-9].");
  }
}
