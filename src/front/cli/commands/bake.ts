import { statSync } from "node:fs";
import { dirname } from "node:path";
import { Command, Option } from "commander";
import {
  type BakeTarget,
  bake,
  MATRICES,
  type Machine,
  matrixText,
  meantTargets,
  printTargets,
  type Target,
  targetsAt,
} from "#app";
import type { CompressionChoice } from "#compress";
import type { SpecFields } from "#spec";
import { type AttestCommandOptions, attestIn, documentOptions, signOptions } from "../attest-options.ts";
import { bakedJson, bakedLine, bakedTable } from "../bake-words.ts";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { BadResult, sentenceOf } from "../failure.ts";
import { integer, jsonOption, list } from "../options.ts";
import { note, print, printJson, say, scriptOutput, warn } from "../output.ts";
import { compressionOption, onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { sharedCacheOptions } from "../shared-cache.ts";
import { absolutePath } from "../strategy-options.ts";
import { secondsSinceStart } from "../written.ts";

interface BakeCommandOptions extends PlaceOptions, CacheOptions, Omit<AttestCommandOptions, "attestIndex"> {
  readonly to?: readonly string[];
  readonly set?: readonly string[];
  readonly push?: true;
  readonly load?: true;
  readonly from?: string;
  readonly lockFile?: string;
  readonly parallel?: number;
  readonly compression?: CompressionChoice;
  readonly print?: true;
  readonly matrix?: (typeof MATRICES)[number];
  readonly affectedSince?: string;
  readonly cacheFrom?: readonly string[];
  readonly trustCachedBases?: true;
  readonly trustCachedLayers?: true;
  readonly cacheTo?: readonly string[];
  readonly check: boolean;
  readonly quiet?: true;
  readonly json?: true;
}

export function command(): Command {
  const command = new Command("bake")
    .description(
      "Builds many images in one run: all packages of a workspace that have something to start, or the targets of a file. What they have in common is read, measured, compressed and sent once; one that fails doesn't stop the others.",
    )
    .argument(
      "[place-or-target...]",
      "a folder (default: .) with varve.bake.json, or with a workspace of npm, pnpm, yarn or bun; or a file with targets; then names of targets, groups or packages (default: all)",
    );
  whereOptions(command.optionsGroup("Where they go:"));
  command
    .optionsGroup("What is in them:")
    .option("--from-image, --from <place>", "the base of those images whose specs name none; scratch is none")
    .option(
      "--set <target.key=value>",
      "another value of a target in the file, such as api.tag=1.2 or *.platforms=linux/arm64; may be given several times",
      list,
    )
    .option("--no-check", "write the images without looking for what is wrong with them: see varve check")
    .option(
      "--lock-file <file>",
      "keep to the layouts in a file, if it exists, and write those of all images to it",
      absolutePath,
    );
  command
    .optionsGroup("Which of them:")
    .option(
      "--affected-since <commit>",
      "only those that can have become others since a commit of Git, with what isn't committed yet: by files of theirs, of packages of the workspace that they need, or by their packages in the lock file",
    )
    .option("--print", "print the targets and the plans of their layers as JSON; build nothing")
    .addOption(
      new Option(
        "--matrix <form>",
        "print the targets as a matrix for CI, with a job for each: JSON for GitHub Actions, YAML for GitLab; build nothing",
      )
        .choices(MATRICES)
        .conflicts("print"),
    );
  signOptions(documentOptions(command.optionsGroup("What is written down of them:")));
  placeOptions(command.optionsGroup("Registries and base images:"), PLATFORMS);
  sharedCacheOptions(cacheOptions(command.optionsGroup("What is kept from build to build:")));
  return command
    .optionsGroup("What is printed:")
    .option("-q, --quiet", "print nothing but errors")
    .addOption(jsonOption())
    .helpOption("-h, --help", "show this help")
    .action(run);
}

const PLATFORMS =
  "what the images are for; several with commas between them make an index over an image for each (default: what the base is for)";

function whereOptions(command: Command): void {
  command
    .option(
      "--to <place>",
      "write each image to a place, in which {name}, {tag} and {target} stand for its own: docker://registry.example/{name}:{tag}; may be given several times",
      list,
    )
    .option("--push", "push each image to the tags of its target")
    .option("--load", "load the images into the Docker daemon")
    .option("--parallel <n>", "how many images are written at the same time (default: 4)", integer);
  compressionOption(command);
}

async function run(words: readonly string[], options: BakeCommandOptions): Promise<void> {
  const {
    to,
    push,
    parallel,
    compression,
    cacheFrom,
    trustCachedBases,
    trustCachedLayers,
    cacheTo,
    check,
    quiet = false,
  } = options;
  const { platform, ...others } = options;
  const { place, names } = placeIn(words);
  await onMachine(others, async (operation) => {
    const platforms = platform?.split(",") ?? [];
    const change = (fields: SpecFields) => ({
      ...fields,
      ...(options.from !== undefined && fields.fromImage === undefined && { fromImage: options.from }),
    });
    const { set } = options;
    const { targets, lockFile: own } = await targetsAt(place, {
      ...operation,
      names,
      platforms,
      change,
      set,
    });
    const lockFile = options.lockFile ?? own;
    const { affectedSince: commit } = options;
    const folder = statSync(place, { throwIfNoEntry: false })?.isFile() ? dirname(place) : place;
    const affectedSince = commit === undefined ? undefined : { commit, folder };
    const meant = { ...operation, to, push, lockFile, affectedSince };
    if (options.matrix !== undefined) {
      return await print(matrixText(await meantTargets(targets, meant), options.matrix));
    }
    if (options.print) return await printJson({ targets: await printTargets(targets, meant) });
    const images = await bake(targets, {
      affectedSince,
      ...{ ...operation, ...attestIn(options), to, push, lockFile, compression, check },
      ...{ cacheFrom, trustCachedBases, trustCachedLayers, cacheTo },
      ...(parallel !== undefined && { parallel: Math.max(1, parallel) }),
      ...(options.load && { alsoTo: daemonOf(operation.machine) }),
      onNote: quiet ? undefined : (sentence, target) => note(named(sentence, target)),
      onWarning: quiet ? undefined : (sentence, target) => warn(named(sentence, target)),
      onOutput: quiet ? undefined : (line, script, target) => scriptOutput(line, `${target} ${script}`),
      onDone: quiet ? undefined : (image, counts) => say(bakedLine(image, counts)),
    });
    if (options.json) await printJson(images.map(bakedJson));
    else if (!quiet) for (const line of bakedTable(images, secondsSinceStart())) say(line);
    const failed = images.filter(({ built }) => built === undefined);
    if (failed.length === 0) return;
    if (quiet) for (const { target, error } of failed) say(`${target}: ${sentenceOf(error)}`);
    throw new BadResult(
      "BAKE_FAILED",
      `${failed.length} of ${images.length} images failed: ${failed.map(({ target }) => target).join(", ")}`,
    );
  });
}

function named(sentence: string, target: string | undefined): string {
  return target === undefined ? sentence : `${target}: ${sentence}`;
}

/** Each image is loaded under its own name. */
function daemonOf({ transports }: Machine): (target: BakeTarget) => Promise<readonly Target[]> {
  return async () => [await transports.daemonSink()];
}

/** The first word is a place if there is something of that name, and else the first target. */
function placeIn(words: readonly string[]): { readonly place: string; readonly names: readonly string[] } {
  const [first, ...rest] = words;
  if (first === undefined) return { place: ".", names: [] };
  const isPlace = first.includes("/") || statSync(first, { throwIfNoEntry: false }) !== undefined;
  return isPlace ? { place: first, names: rest } : { place: ".", names: words };
}
