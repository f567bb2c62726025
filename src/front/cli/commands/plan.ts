import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Command } from "commander";
import { type Machine, openSource, planFleet, planFrom, planJobs, type SpecSource, specSource } from "#app";
import type { CompressionChoice } from "#compress";
import { readError, VarveError } from "#errors";
import { layerBudget } from "#layering";
import { hasSpec, isProject } from "#project";
import { fleetText, planText } from "#report";
import { checkSpec, type ImageSpecInput, parseSpecJson, startsObject, withBasePlace } from "#spec";
import { bytesSource, readWhole, shown, writeFileAtomically } from "#util";
import { type GraphOptions, graphOptions } from "../graph-options.ts";
import { type OmitOptions, omitField, omitOptions } from "../omit-options.ts";
import { jsonOption, list } from "../options.ts";
import { note, print, printJson } from "../output.ts";
import { compressionOption, onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { absolutePath, type StrategyOptions, strategyFields, strategyOptions } from "../strategy-options.ts";

interface PlanCommandOptions extends PlaceOptions, GraphOptions, StrategyOptions, OmitOptions {
  readonly against?: readonly string[];
  readonly html?: string;
  readonly json?: true;
  readonly jobs?: string;
  readonly root?: string;
  readonly compression?: CompressionChoice;
}

export function command(): Command {
  const command = placeOptions(new Command("plan"))
    .description(
      "Shows the layers that an image will have, before anything is built: how large they are, what is in them, which changes touch them, and what an update sends again.",
    )
    .argument(
      "[spec...]",
      "the folder of a Node project (default: .); or a spec; or a references graph in one of Nix's forms; several are planned together, so that they share layers",
    );
  jobOptions(command);
  return strategyOptions(omitOptions(graphOptions(command)))
    .option(
      "--against <place>",
      "show how much of it an image has, such as the last one in the registry; may be given several times",
      list,
    )
    .option(
      "--html <file>",
      "write a page with all details, which needs nothing but a browser, instead of the table",
      absolutePath,
    )
    .option(
      "--lock-file <file>",
      "keep to the layouts in a file, if it exists, and write those of the plan to it: one file for several specs",
      absolutePath,
    )
    .addOption(jsonOption())
    .action(run);
}

function jobOptions(command: Command): void {
  command
    .option(
      "--jobs <folder>",
      "write a job for each layer and one for the image instead of the table: for varve layer and varve assemble, on any machine with the same files",
      absolutePath,
    )
    .option(
      "--root <folder>",
      "with --jobs: the folder that other machines have, too, below which the files are (default: .)",
      absolutePath,
    );
  compressionOption(command);
}

async function run(paths: readonly string[], options: PlanCommandOptions): Promise<void> {
  if (options.jobs !== undefined) return await makeJobs(paths, options.jobs, options);
  const isOfJobs = options.root !== undefined ? "--root" : options.compression && "--compression";
  if (isOfJobs) throw new VarveError("USAGE", `${isOfJobs} is about jobs; give --jobs FOLDER, too`);
  if (paths.length > 1) return await runTogether(paths, options);
  const { against, html, json, lockFile, key: graphKey } = options;
  await onMachine({ ...options, cache: false }, async (operation) => {
    const source = await sourceOf(paths[0] ?? ".", options, operation.machine);
    const outputs = html === undefined ? [] : [html];
    const planned = await planFrom(source, {
      ...operation,
      isGraph: source.isGraph,
      against,
      outputs,
      graphKey,
      lockFile,
    });
    if (html !== undefined) {
      await writeFileAtomically(html, bytesSource(Buffer.from(planned.html())).open());
    }
    if (json) await printJson(planned.report);
    else if (html === undefined) await print(planText(planned.report));
  });
}

/** Work for other machines. */
async function makeJobs(
  [path = ".", ...others]: readonly string[],
  folder: string,
  options: PlanCommandOptions,
): Promise<void> {
  const { root, compression, against, html, lockFile } = options;
  const other =
    html !== undefined ? "--html" : lockFile !== undefined ? "--lock-file" : against && "--against";
  if (other) throw new VarveError("USAGE", `${other} is about the table of a plan, and not about --jobs`);
  if (others.length > 0) {
    throw new VarveError(
      "USAGE",
      `jobs are of one image, and there are ${others.length + 1} specs; give each a folder of its own`,
    );
  }
  await onMachine(options, async (operation) => {
    const fields = changesOf(options);
    const source = await openSource(path, { ...operation, change: (own) => ({ ...own, ...fields }) });
    const from = { path, fields };
    const planned = await planJobs(source, { ...operation, folder, root, compression, from, onNote: note });
    if (options.json) await printJson(planned);
    else await print([...planned.layers, planned.image].map((path) => `${shown(path)}\n`).join(""));
  });
}

/** The spec's fields that the options replace. */
function changesOf(options: PlanCommandOptions): Partial<ImageSpecInput> {
  const { maxLayers, from: fromImage, exclude } = options;
  const given = Object.entries({ maxLayers, fromImage, exclude }).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(given), ...strategyFields(options), ...omitField(options, {}) };
}

/** Several specs, whose images share layers. */
async function runTogether(paths: readonly string[], options: PlanCommandOptions): Promise<void> {
  const { against, html, json, lockFile, key: graphKey } = options;
  const alone = html === undefined ? (against === undefined ? undefined : "--against") : "--html";
  if (alone !== undefined) {
    throw new VarveError(
      "USAGE",
      `${alone} is about one spec, and there are ${paths.length}; plan that alone`,
    );
  }
  await onMachine({ ...options, cache: false }, async (operation) => {
    const sources: Awaited<ReturnType<typeof sourceOf>>[] = [];
    for (const path of paths) sources.push(await sourceOf(path, options, operation.machine));
    const { fleet, plans } = await planFleet(sources, { ...operation, lockFile, graphKey });
    if (json) await printJson({ fleet, plans });
    else await print(fleetText(fleet));
  });
}

/** More bytes than any spec has. */
const MAX_SPEC_BYTES = 16 * 1024 * 1024;

/** The spec at a path, or one that has nothing but the graph there; the options' fields take the place of its own. */
async function sourceOf(
  path: string,
  options: PlanCommandOptions,
  machine: Machine,
): Promise<SpecSource & { readonly isGraph: boolean }> {
  const { maxLayers, from: fromImage, exclude } = options;
  // Says what is wrong in the words of the option, not of a spec.
  layerBudget({ maxLayers });
  const given = Object.fromEntries(
    Object.entries({ maxLayers, fromImage, exclude }).filter(([, value]) => value !== undefined),
  );
  const fields: Partial<ImageSpecInput> = { ...given, ...strategyFields(options) };
  if (options.key === undefined && (await isSpec(path))) {
    // A project has a name, and a spec needs none to be planned.
    const unnamed = (await stat(path)).isDirectory() ? {} : { name: "image" };
    const change = (own: Partial<ImageSpecInput>) => ({
      ...unnamed,
      ...own,
      ...fields,
      ...(fromImage !== undefined && { fromImage: withBasePlace(own.fromImage, fromImage) }),
      ...omitField(options, own),
    });
    return { ...(await openSource(path, { machine, change })), isGraph: false };
  }
  // Several graphs are told apart by their files.
  const graph = resolve(path);
  const named = { name: basename(graph) || "graph", graph };
  // What stays out of a project's image isn't planned either.
  const out = isProject(graph) ? { ignore: [] } : {};
  const spec = checkSpec({ ...named, ...out, ...fields, ...omitField(options, {}) });
  return { ...specSource(spec), isGraph: true };
}

/** Whether there is a spec at a path: a folder that has one, or an object with a name or a graph, and neither a lock file nor what Nix gives a builder. */
async function isSpec(path: string): Promise<boolean> {
  const found = await stat(path).catch((error) => {
    throw readError(path, error);
  });
  if (found.isDirectory()) return await hasSpec(path);
  if (!found.isFile() || found.size > MAX_SPEC_BYTES) return false;
  const bytes = await readWhole(path, { limit: MAX_SPEC_BYTES });
  if (!startsObject(bytes.subarray(0, 4096).toString("latin1"))) return false;
  const value = parseSpecJson(bytes, path) as Record<string, unknown>;
  if ("lockfileVersion" in value || "builder" in value) return false;
  return (
    typeof value["name"] === "string" || typeof value["graph"] === "string" || Array.isArray(value["files"])
  );
}
