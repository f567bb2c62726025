import { stat } from "node:fs/promises";
import { resolve } from "node:path";
import { Command } from "commander";
import { readError } from "#errors";
import type { Image } from "#image";
import { layerBudget } from "#layering";
import { planImage } from "#plan";
import { compareWith, imageLayers, planPage, planText, reportPlan } from "#report";
import { checkSpec, type ImageSpec, type ImageSpecInput, readSpec } from "#spec";
import { bytesSource, parseJson, readWhole, writeFileAtomically } from "#util";
import { integer, list } from "../options.ts";
import { print, printJson } from "../output.ts";
import { type PlaceContext, type PlaceOptions, placeOptions, withPlaces } from "../places.ts";
import {
  absolutePath,
  lastBuild,
  type StrategyOptions,
  strategyFields,
  strategyOptions,
} from "../strategy-options.ts";

interface PlanCommandOptions extends PlaceOptions, StrategyOptions {
  readonly maxLayers?: number;
  readonly fromImage?: string;
  readonly exclude?: readonly string[];
  readonly omit?: readonly "dev"[];
  readonly key?: string;
  readonly against?: readonly string[];
  readonly html?: string;
  readonly json?: true;
}

export function command(): Command {
  const command = placeOptions(new Command("plan"))
    .description(
      "Shows the layers that an image will have, before anything of it is built: how large they are, what is in them, what would touch them, and what an update sends again.",
    )
    .argument(
      "<spec>",
      "a spec, or a references graph: a file in one of Nix's forms, or the folder of an npm project",
    )
    .option("--max-layers <n>", "the most layers the image may have (default: 100)", integer)
    .option("--from-image <place>", "the base image, whose layers are taken off first")
    .option("--omit <type>", "leave out an npm project's packages of a type: dev", list)
    .option("--exclude <id>", "leave a component out; may be given several times", list)
    .option(
      "--key <key>",
      "the key under which a JSON object holds its graph (default: that of the only one)",
    );
  return strategyOptions(command)
    .option(
      "--against <place>",
      "tell what of it an image has, such as the last one in the registry; may be given several times",
      list,
    )
    .option(
      "--html <file>",
      "write a page with all details, which needs nothing but a browser, in place of the table",
      absolutePath,
    )
    .option("--json", "print JSON, for programs")
    .action(run);
}

async function run(path: string, options: PlanCommandOptions): Promise<void> {
  await withPlaces(options, async (places) => {
    const { spec, isGraph } = await specOf(path, options);
    const wanted = spec.architecture ?? places.read.platform.architecture;
    const read = { ...places.read, platform: { ...places.read.platform, architecture: wanted } };
    await using source =
      spec.fromImage === undefined ? undefined : await places.transports.source(spec.fromImage);
    const base = await source?.read(read);
    await using last = await lastBuild(spec, places.transports);
    const lastImage = await last?.read(read);

    const plan = await planImage(spec, {
      base,
      lastImage,
      outputs: options.html === undefined ? [] : [options.html],
      workingDir: spec.config.WorkingDir ?? base?.config.value.config?.WorkingDir,
      graphKey: options.key,
      withSizes: true,
      signal: places.signal,
    });
    const report = reportPlan(plan, isGraph ? undefined : `${spec.name}${spec.tag ? `:${spec.tag}` : ""}`);
    const images = await readAll(options.against ?? [], { ...places, read });
    const against = images.map(({ place, image }) => compareWith(plan, { place, image, base }));
    const whole = { ...report, against };
    if (options.html !== undefined) {
      const theirs = images.map(({ place, image }) => ({ place, layers: imageLayers(image) }));
      const page = planPage({ report: whole, graph: plan.graph, images: theirs });
      await writeFileAtomically(options.html, bytesSource(Buffer.from(page)).open());
    }
    if (options.json) await printJson(whole);
    else if (options.html === undefined) await print(planText(whole));
  });
}

interface ReadImage {
  readonly place: string;
  readonly image: Image;
}

async function readAll(
  places: readonly string[],
  { transports, read }: Pick<PlaceContext, "transports" | "read">,
): Promise<ReadImage[]> {
  const images: ReadImage[] = [];
  for (const place of places) {
    await using source = await transports.source(place);
    // Manifest and config are all that is asked for.
    images.push({ place, image: await source.read(read) });
  }
  return images;
}

/** More than any spec. */
const MAX_SPEC_BYTES = 16 * 1024 * 1024;

/** The spec at a path, or one that has nothing but the graph there; the options' fields take the place of its own. */
async function specOf(
  path: string,
  options: PlanCommandOptions,
): Promise<{ spec: ImageSpec; isGraph: boolean }> {
  const { maxLayers, fromImage, exclude, omit } = options;
  // Says what is wrong in the words of the option, not of a spec.
  layerBudget({ maxLayers });
  const given = Object.fromEntries(
    Object.entries({ maxLayers, fromImage, exclude, omit }).filter(([, value]) => value !== undefined),
  );
  const fields: Partial<ImageSpecInput> = { ...given, ...strategyFields(options) };
  if (options.key === undefined && (await isSpec(path))) {
    const spec = await readSpec(path, (own) => ({ name: "image", ...own, ...fields }));
    return { spec, isGraph: false };
  }
  return { spec: checkSpec({ name: "graph", graph: resolve(path), ...fields }), isGraph: true };
}

/** Whether a file is a spec: an object with a name or a graph, and neither a lock file nor what Nix gives a builder. */
async function isSpec(path: string): Promise<boolean> {
  const found = await stat(path).catch((error) => {
    throw readError(path, error);
  });
  if (!found.isFile() || found.size > MAX_SPEC_BYTES) return false;
  const bytes = await readWhole(path, { limit: MAX_SPEC_BYTES });
  if (!/^\s*\{/.test(bytes.subarray(0, 100).toString("latin1"))) return false;
  const value = parseJson(bytes, { what: path, maxBytes: MAX_SPEC_BYTES }) as Record<string, unknown>;
  if ("lockfileVersion" in value || "builder" in value) return false;
  return typeof value["name"] === "string" || typeof value["graph"] === "string";
}
