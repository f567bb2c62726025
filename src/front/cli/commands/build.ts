import { Command, Option } from "commander";
import {
  type BuiltImage,
  type BuiltIndex,
  buildFrom,
  buildIndexFrom,
  openSource,
  planFrom,
  reproduce,
  type SourceListener,
} from "#app";
import type { CompressionChoice } from "#compress";
import type { Libc } from "#draft";
import { VarveError } from "#errors";
import { planText } from "#report";
import { type ImageSpecInput, withBasePlace } from "#spec";
import {
  type AttestCommandOptions,
  attestIn,
  attestOptions,
  indexPlatforms,
  told,
} from "../attest-options.ts";
import { type BuildTargetOptions, buildTargets } from "../build-targets.ts";
import { FindingsTelling, tellLeftOut } from "../build-telling.ts";
import { type CacheOptions, cacheOptions } from "../cache-options.ts";
import { BadResult } from "../failure.ts";
import { begunFor } from "../head-start.ts";
import { type OmitOptions, omitField, omitOptions } from "../omit-options.ts";
import { integer, jsonOption, list, nameAlone, pairs, pathList, tagAlone } from "../options.ts";
import { note, print, printJson, say, scriptOutput, tellSentence, warn } from "../output.ts";
import { compressionOption, onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { reproductionLines } from "../reproduction.ts";
import { sharedCacheOptions } from "../shared-cache.ts";
import { absolutePath, type StrategyOptions, strategyFields, strategyOptions } from "../strategy-options.ts";
import { tellIndex, tellWritten } from "../written.ts";
import { inRegistry } from "./pull.ts";

interface BuildCommandOptions
  extends PlaceOptions,
    CacheOptions,
    StrategyOptions,
    OmitOptions,
    AttestCommandOptions,
    BuildTargetOptions,
    Partial<Pick<ImageSpecInput, (typeof FIELDS)[number]>> {
  readonly cacheFrom?: string[];
  readonly trustCachedBases?: true;
  readonly trustCachedLayers?: true;
  readonly cacheTo?: string[];
  readonly compression?: CompressionChoice;
  readonly dryRun?: true;
  readonly reproduce?: string;
  readonly quiet?: true;
  readonly verbose?: true;
  readonly from?: string;
  readonly followBase: boolean;
  readonly check: boolean;
  readonly libc?: Libc;
  readonly label?: Record<string, string>;
  readonly annotation?: Record<string, string>;
}

/** Options that replace the spec's fields of the same names. */
const FIELDS = [
  "name",
  "tag",
  "inherit",
  "graph",
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
      "Builds the image of a Node.js project, or the one that a spec asks for: packages and the project's own files in layers, on top of a base image.",
    )
    .argument(
      "[path]",
      "a project's folder, whose varve.json, or varve in package.json, says what doesn't follow from the project; or a spec, a JSON file",
      ".",
    );
  whereOptions(command.optionsGroup("Where it goes:"));
  whatOptions(command.optionsGroup("What is in it:"));
  messageOptions(command.optionsGroup(MESSAGES));
  layerOptions(command.optionsGroup("How it is divided into layers:"));
  attestOptions(command.optionsGroup("What is written down of it:"));
  placeOptions(command.optionsGroup("Registries and the base image:"), PLATFORMS);
  sharedCacheOptions(cacheOptions(command.optionsGroup("What is kept from build to build:")));
  graphOptions(command.optionsGroup("For Nix, and for specs with files and scripts of their own:"));
  return command.optionsGroup(MESSAGES).helpOption("-h, --help", "show this help").action(run);
}

const MESSAGES = "What is printed:";

const PLATFORMS =
  "what the image is for: chooses the base, and a Node.js project's packages; several with commas between them make an index over an image for each (default: what the base is for, linux on this machine's architecture if there is a choice)";

function whereOptions(command: Command): void {
  command
    .option("--load", "load the image into the Docker daemon")
    .option("--push <reference>", "push the image to a registry; may be given several times", list)
    .option(
      "-o, --output <place>",
      "write the image to a place; may be given several times (default: stdout)",
      list,
    );
  compressionOption(command);
}

function whatOptions(command: Command): void {
  command
    .option("--name <name>", "the image's name", nameAlone)
    .option(
      "--tag <tag>",
      "the image's tag (default: the project's version, or derived from the image's digest)",
      tagAlone,
    )
    .option(
      "--from-image, --from <place>",
      "the base image (default, for a project: $VARVE_BASE, or node:MAJOR-slim; scratch is none)",
    );
  omitOptions(command)
    .option("--label <key=value>", "add a label; may be given several times", pairs)
    .option("--annotation <key=value>", "add an annotation; may be given several times", pairs)
    .option("--architecture <name>", "as Go names it, such as arm64 (default: the base's or this machine's)")
    .addOption(
      new Option(
        "--libc <name>",
        "the C library that a Node.js project's packages are chosen for (default: the base's)",
      ).choices(["glibc", "musl"]),
    )
    .option("--no-check", "write the image without looking for what is wrong with it: see varve check")
    .option("--created <time>", "when the image says it was made: ISO 8601, or now")
    .option("--mtime <time>", "the time of every file in the image: ISO 8601, or now");
}

function messageOptions(command: Command): void {
  command
    .option(
      "--reproduce <image>",
      "write nothing, but say whether this machine gives the very same image as the one at a place; ends with status 1 if it doesn't",
    )
    .option("--dry-run", "print the spec with all that follows from the project, and the plan; build nothing")
    .option("-q, --quiet", "print nothing but errors")
    .option("-v, --verbose", "name all layers, and what of the project stays out of the image and why")
    .addOption(jsonOption());
}

function layerOptions(command: Command): void {
  command.option(
    "--max-layers <n>",
    "how many layers the image may have (default: 100; for a project, 20 besides the base's)",
    integer,
  );
  strategyOptions(command).option(
    "--lock-file <file>",
    "keep to the layout in a file, if it exists, and write the image's layout to it",
    absolutePath,
  );
}

function graphOptions(command: Command): void {
  command
    .option("--graph <path>", "a references graph of store paths, or the folder of another Node project")
    .option(
      "--contents <path>",
      "merge the tree of a store path or a package into the root; may be given several times",
      pathList,
    )
    .option("--inherit <all|env|none>", "what is taken over from the base image's config (default: all)")
    .option("--no-follow-base", "let directories replace the base's links, such as /bin")
    .option("--network", "let the spec's scripts use the network");
}

async function run(path: string, options: BuildCommandOptions): Promise<void> {
  const {
    cacheFrom,
    trustCachedBases,
    trustCachedLayers,
    cacheTo,
    compression,
    libc,
    check,
    quiet = false,
  } = options;
  const platforms = options.platform?.split(",") ?? [];
  const { platform: _, ...others } = options;
  await onMachine(platforms.length > 1 ? others : options, async (operation) => {
    const isTrial = options.dryRun || options.reproduce !== undefined;
    const to = isTrial ? [] : await buildTargets(operation.machine, options);
    const source = await openSource(path, {
      ...operation,
      listsAhead: platforms.length <= 1,
      begun: begunFor(path, operation.machine.cache),
      change: (fields) => ({ ...fields, ...overrides(options, fields) }),
    });
    const listener: SourceListener = quiet
      ? {}
      : { onNote: note, onDerived: tellSentence, ...(options.verbose && { onLeftOut: tellLeftOut }) };
    if (options.dryRun) {
      if (platforms.length > 1) throw new VarveError("USAGE", "--dry-run plans for one --platform at a time");
      const [first] = options.push ?? [];
      const destination = first === undefined ? undefined : inRegistry(first);
      const { fields, report } = await planFrom(source, { ...operation, ...listener, libc, destination });
      if (options.json) await printJson({ spec: fields, plan: report });
      else await print(`${JSON.stringify(fields, null, 2)}\n\n${planText(report)}`);
      return;
    }
    if (options.reproduce !== undefined) {
      const { reproduce: image } = options;
      const onOutput = quiet ? undefined : scriptOutput;
      const found = await reproduce(source, image, {
        ...operation,
        ...listener,
        compression,
        libc,
        check,
        onOutput,
      });
      if (options.json) await printJson(found);
      else await print(`${reproductionLines(found).join("\n")}\n`);
      if (!found.same) throw new BadResult("DIGEST_MISMATCH", `${image} isn't what this machine makes`);
      return;
    }
    const telling = new FindingsTelling();
    const given = {
      ...{ ...operation, ...listener, ...attestIn(options), to, compression, libc, check },
      ...{ cacheFrom, trustCachedBases, trustCachedLayers, cacheTo },
      onFindings: quiet ? undefined : telling.tell,
      onWarning: quiet ? undefined : warn,
      onDetail: options.verbose && tellSentence,
      onOutput: quiet ? undefined : scriptOutput,
    };
    const ended = <T extends BuiltImage | BuiltIndex>(built: T) => ({
      ...told(built, quiet),
      needsBase: telling.needsBase,
    });
    const several = indexPlatforms(options, operation.machine);
    const words = { ...options, several: to.length > 1 };
    if (several === undefined)
      await tellWritten(
        async (onProgress) => ended(await buildFrom(source, { ...given, onProgress })),
        words,
      );
    else {
      const { attestIndex } = options;
      const onPlatform = quiet ? undefined : (platform: string) => say(`For ${platform}:`);
      const index = { ...given, platforms: several, attestIndex, onPlatform };
      await tellIndex(
        async (onProgress) => ended(await buildIndexFrom(source, { ...index, onProgress })),
        words,
      );
    }
  });
}

/** The fields that the options replace; labels and annotations are added to the spec's. */
function overrides(options: BuildCommandOptions, fields: Partial<ImageSpecInput>): Partial<ImageSpecInput> {
  const { from, followBase, label, annotation } = options;
  return {
    ...Object.fromEntries(
      FIELDS.filter((name) => options[name] !== undefined).map((name) => [name, options[name]]),
    ),
    ...omitField(options, fields),
    ...strategyFields(options),
    ...(from === undefined ? {} : { fromImage: withBasePlace(fields.fromImage, from) }),
    ...(followBase ? {} : { followBase }),
    ...(label === undefined ? {} : { labels: { ...fields.labels, ...label } }),
    ...(annotation === undefined ? {} : { annotations: { ...fields.annotations, ...annotation } }),
  };
}
