import { stat } from "node:fs/promises";
import { basename, resolve } from "node:path";
import { Command } from "commander";
import { type Machine, openSource, planFleet, planFrom, type SpecSource, specSource } from "#app";
import { readError, VarveError } from "#errors";
import { layerBudget } from "#layering";
import { hasSpec, isProject } from "#project";
import { fleetText, planText } from "#report";
import { checkSpec, type ImageSpecInput, parseSpecJson, startsObject, withBasePlace } from "#spec";
import { bytesSource, readWhole, writeFileAtomically } from "#util";
import { type GraphOptions, graphOptions } from "../graph-options.ts";
import { type OmitOptions, omitField, omitOptions } from "../omit-options.ts";
import { jsonOption, list } from "../options.ts";
import { print, printJson } from "../output.ts";
import { onMachine, type PlaceOptions, placeOptions } from "../places.ts";
import { absolutePath, type StrategyOptions, strategyFields, strategyOptions } from "../strategy-options.ts";

interface PlanCommandOptions extends PlaceOptions, GraphOptions, StrategyOptions, OmitOptions {
  readonly against?: readonly string[];
  readonly html?: string;
  readonly json?: true;
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

async function run(paths: readonly string[], options: PlanCommandOptions): Promise<void> {
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
