import { Command } from "commander";
import { openCache, pruneCache } from "#app";
import type { DigestCache } from "#cache";
import { formatBytes } from "#report";
import { shown } from "#util";
import { type CacheOptions, cacheDirOption } from "../cache-options.ts";
import { integer, jsonOption, list } from "../options.ts";
import { print, printJson, warn } from "../output.ts";
import { onMachine, type PlaceOptions, registryOptions } from "../places.ts";

interface CommonOptions extends CacheOptions {
  readonly json?: true;
}

interface PruneOptions extends CommonOptions, PlaceOptions {
  readonly registry?: string;
  readonly blobsIn?: readonly string[];
  readonly maxAge?: number;
  readonly maxEntries?: number;
}

const DAY = 24 * 60 * 60 * 1000;

export function command(): Command {
  const command = new Command("cache").description(
    "Shows and cleans up the digest cache, which remembers what was measured before. Removing entries costs only time.",
  );
  subcommand(command, "info")
    .description("Shows where the cache is, and what is in it.")
    .action((options: CommonOptions) => info(openCache(options.cacheDir), options));
  const pruning = subcommand(command, "prune")
    .description(
      "Removes entries that haven't been used for a while. In the folder, this also happens automatically, once a day.",
    )
    .option(
      "--registry <reference>",
      "of the cache that --cache-from and --cache-to share through a registry, instead of the folder",
    )
    .option("--max-age <days>", "how long an entry may be unused (default: 90)", integer)
    .option(
      "--max-entries <n>",
      "how many entries may stay (default: 20000 in the folder, all in a registry); 0 removes all",
      integer,
    )
    .option(
      "--blobs-in <repository>",
      "with --registry: also remove what is said of layers that aren't in this repository of images; may be given several times",
      list,
    );
  registryOptions(pruning).action((options: PruneOptions) =>
    options.registry === undefined
      ? prune(openCache(options.cacheDir), options)
      : pruneRegistry(options.registry, options),
  );
  subcommand(command, "verify")
    .description("Reads all entries, and removes those that are broken.")
    .action((options: CommonOptions) => verify(openCache(options.cacheDir), options));
  return command;
}

function subcommand(parent: Command, name: string): Command {
  return cacheDirOption(parent.command(name)).addOption(jsonOption());
}

async function info(cache: DigestCache, { json }: CommonOptions): Promise<void> {
  const { folder, entries, trees, bytes, oldestUse, newestUse } = cache.info();
  const [oldest, newest] = [oldestUse, newestUse].map((time) =>
    time === undefined ? undefined : new Date(time).toISOString(),
  );
  if (json) {
    await printJson({ folder, entries, trees, bytes, oldestUse: oldest, newestUse: newest });
    return;
  }
  await print(
    [
      `Folder:      ${shown(folder)}`,
      `Layers:      ${entries.layer}`,
      `Blobs:       ${entries.blob}`,
      `Trees:       ${entries.tree}`,
      `Bases:       ${entries.base}`,
      `Facts:       ${entries.facts}`,
      `Installed:   ${trees}`,
      `Size:        ${formatBytes(bytes)}`,
      `Oldest use:  ${oldest ?? "-"}`,
      `Newest use:  ${newest ?? "-"}`,
      "",
    ].join("\n"),
  );
}

async function prune(cache: DigestCache, { json, maxAge, maxEntries }: PruneOptions): Promise<void> {
  const pruned = cache.prune({
    ...(maxAge === undefined ? {} : { maxAge: maxAge * DAY }),
    ...(maxEntries === undefined ? {} : { maxEntries }),
  });
  if (json) await printJson(pruned);
  else {
    const { removed, kept, trees } = pruned;
    const more =
      trees === undefined ? "" : `, and the packages of ${trees} installations for other platforms`;
    await print(`Removed ${removed} of ${removed + kept} entries${more}.\n`);
  }
}

async function pruneRegistry(reference: string, options: PruneOptions): Promise<void> {
  const { json, maxAge, maxEntries, blobsIn } = options;
  const pruned = await onMachine({ ...options, cache: false }, ({ machine, signal }) =>
    pruneCache(reference, { machine, signal, maxAge, maxEntries, blobsIn, onNote: warn }),
  );
  if (json) {
    await printJson(pruned);
    return;
  }
  const { kept, old, gone, broken, segments } = pruned;
  const parts = [`${old} old ones`, ...(gone === 0 ? [] : [`${gone} of which nothing is left`])];
  const damage = broken === 0 ? "" : `, and ${broken} broken parts`;
  await print(
    `Removed ${old + gone} of ${kept + old + gone} entries (${parts.join(", ")})${damage}; ${segments.before} segments are ${segments.after} now.\n`,
  );
}

async function verify(cache: DigestCache, { json }: CommonOptions): Promise<void> {
  const verified = cache.verify();
  const { checked, removed, stuck } = verified;
  if (json) {
    await printJson(verified);
    return;
  }
  const left = stuck === 0 ? "" : `; ${stuck} can't be removed, and are never used`;
  await print(`Checked ${checked} entries, removed ${removed} broken ones${left}.\n`);
}
