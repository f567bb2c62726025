import { resolve } from "node:path";
import { Command } from "commander";
import type { CompressionChoice } from "#compress";
import { draftImage } from "#draft";
import { VarveError } from "#errors";
import { dockerArchiveSink } from "#formats";
import { formatLayout, type Layout } from "#layering";
import { type ImageSpecInput, readSpec } from "#spec";
import { parseDestination, type Transports } from "#transports";
import { bytesSource, writeFileAtomically } from "#util";
import type { ImageSink } from "#write";
import { type CacheOptions, cacheOptions, wantedCache } from "../cache-options.ts";
import { architecture } from "../host.ts";
import { integer, list, pairs, pathList } from "../options.ts";
import { note, stdoutOutput } from "../output.ts";
import { compressionOption, type PlaceOptions, placeOptions, withPlaces } from "../places.ts";
import { pullCaches, pushCaches, sharedCacheOptions } from "../shared-cache.ts";
import {
  absolutePath,
  lastBuild,
  type StrategyOptions,
  strategyFields,
  strategyOptions,
} from "../strategy-options.ts";
import { transfer } from "../transfer.ts";
import { workshop } from "../workshop.ts";
import { inRegistry } from "./pull.ts";

interface BuildCommandOptions extends PlaceOptions, CacheOptions, StrategyOptions {
  readonly cacheFrom?: string[];
  readonly cacheTo?: string[];
  readonly output?: string[];
  readonly push?: string[];
  readonly load?: true;
  readonly compression?: CompressionChoice;
  readonly quiet?: true;
  readonly json?: true;
  readonly from?: string;
  readonly followBase: boolean;
  readonly label?: Record<string, string>;
  readonly annotation?: Record<string, string>;
}

/** These options take the place of the spec's fields, and have their names. */
const FIELDS = [
  "name",
  "tag",
  "inherit",
  "graph",
  "omit",
  "exclude",
  "contents",
  "architecture",
  "created",
  "mtime",
  "maxLayers",
  "network",
] as const satisfies readonly (keyof ImageSpecInput)[];

export function command(): Command {
  const command = new Command("build")
    .description(
      "Builds the image that a spec asks for: the components of a graph in layers, on top of a base image.",
    )
    .argument("<spec>", "the spec, a JSON file")
    .option(
      "-o, --output <place>",
      "write the image to a place; may be given several times (default: stdout)",
      list,
    )
    .option("--push <reference>", "push the image to a registry; may be given several times", list)
    .option("--load", "load the image into the Docker daemon")
    .option("--name <name>", "the image's name")
    .option("--tag <tag>", "the image's tag (default: derived from the image's digest)")
    .option("--from-image, --from <place>", "the base image")
    .option("--no-follow-base", "let directories take the place of the base's links, such as /bin")
    .option("--inherit <all|env|none>", "what is taken over from the base image's config (default: all)")
    .option("--graph <path>", "the references graph, or the folder of an npm project")
    .option("--omit <type>", "leave out an npm project's packages of a type: dev", list)
    .option("--exclude <id>", "leave a component out; may be given several times", list)
    .option(
      "--contents <path>",
      "merge a component's tree into the root; may be given several times",
      pathList,
    )
    .option("--label <key=value>", "add a label; may be given several times", pairs)
    .option("--annotation <key=value>", "add an annotation; may be given several times", pairs)
    .option("--architecture <name>", "as Go names it, such as arm64 (default: the base's or this machine's)")
    .option("--network", "let the spec's scripts use the network")
    .option("--created <time>", "when the image says it was made: ISO 8601, or now")
    .option("--mtime <time>", "the time of every file in the image: ISO 8601, or now")
    .option("--max-layers <n>", "the most layers the image may have (default: 100)", integer);
  strategyOptions(command).option(
    "--lock-file <file>",
    "keep to the layout in a file, if it is there, and write the image's down in it",
    absolutePath,
  );
  return sharedCacheOptions(cacheOptions(compressionOption(placeOptions(command))))
    .option("-q, --quiet", "print nothing but errors")
    .option("--json", "print the result as JSON, for programs")
    .action(build);
}

async function build(path: string, options: BuildCommandOptions): Promise<void> {
  const spec = await readSpec(path, (fields) => ({ ...fields, ...overrides(options, fields) }));
  const tell = (sentence: string) => {
    if (!options.quiet) note(sentence);
  };
  await withPlaces(options, async ({ transports, read, signal }) => {
    const sinks = await openSinks(transports, options);
    const outputs = await outputPaths(options);
    const cache = wantedCache(options);
    const shared = { cache, signal, onWarning: tell };
    await pullCaches(transports, options.cacheFrom, shared);
    await using source = spec.fromImage === undefined ? undefined : await transports.source(spec.fromImage);
    const wanted = spec.architecture ?? read.platform.architecture;
    const base = await source?.read({ ...read, platform: { ...read.platform, architecture: wanted } });
    await using last = await lastBuild(spec, transports);
    const lastImage = await last?.read({ ...read, platform: { ...read.platform, architecture: wanted } });
    const attempt = async () => {
      const now = new Date();
      await using draft = await draftImage(spec, {
        base,
        lastImage,
        architecture: architecture(),
        now,
        cache,
        outputs,
        workshop: workshop({ quiet: options.quiet === true, maxSpool: options.maxSpool, signal }),
        onNote: tell,
      });
      await transfer(draft, sinks, { ...options, cache, signal });
      if (spec.lockFile !== undefined) await writeLayout(spec.lockFile, draft.layout);
    };
    await attempt().catch(async (error) => {
      // No place has an image yet; but what went to stdout can't be taken back.
      const stale = error instanceof VarveError && error.code === "STALE_CACHE";
      if (!stale || writesToStdout(options)) throw error;
      // Where one digest is wrong, others may be.
      cache?.distrustLayers();
      tell("a digest in the cache was wrong, and has been forgotten; building again");
      await attempt();
    });
    await pushCaches(transports, options.cacheTo, shared);
  });
}

/** Writes a layout to a file, whole or not at all. */
async function writeLayout(path: string, layout: Layout): Promise<void> {
  await writeFileAtomically(path, bytesSource(Buffer.from(formatLayout(layout))).open());
}

/** What the options put in the place of the spec's fields; labels and annotations are added to them. */
function overrides(options: BuildCommandOptions, fields: Partial<ImageSpecInput>): Partial<ImageSpecInput> {
  const given = options as Partial<ImageSpecInput>;
  const { from, followBase, label, annotation } = options;
  return {
    ...Object.fromEntries(
      FIELDS.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
    ),
    ...strategyFields(options),
    ...(from === undefined ? {} : { fromImage: from }),
    ...(followBase ? {} : { followBase }),
    ...(label === undefined ? {} : { labels: { ...fields.labels, ...label } }),
    ...(annotation === undefined ? {} : { annotations: { ...fields.annotations, ...annotation } }),
  };
}

/** The files and folders that are written to. */
async function outputPaths({ output = [] }: BuildCommandOptions): Promise<string[]> {
  const places = await Promise.all(output.map(parseDestination));
  return places.flatMap((place) => ("path" in place ? [resolve(place.path)] : []));
}

function writesToStdout({ output, push, load }: BuildCommandOptions): boolean {
  return output === undefined && push === undefined && !load;
}

async function openSinks(transports: Transports, options: BuildCommandOptions): Promise<ImageSink[]> {
  const { output = [], push = [], load = false, json = false } = options;
  const sinks: ImageSink[] = [];
  for (const place of output) sinks.push(await transports.sink(place));
  for (const reference of push) sinks.push(await transports.sink(inRegistry(reference)));
  if (load) sinks.push(await transports.daemonSink());
  if (!writesToStdout(options)) return sinks;
  if (json)
    throw new VarveError(
      "USAGE",
      "stdout can't take both the image and --json; give --output, --push or --load",
    );
  return [dockerArchiveSink({ output: stdoutOutput() })];
}
