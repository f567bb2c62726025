/** Looks for what is wrong with an image before it is used. */
import { draftImage } from "#draft";
import { VarveError } from "#errors";
import { type Image, type ImageDraft, type Layer, layersBelowComponents } from "#image";
import type { Sifted } from "#inspect";
import type { ImageConfig, RawDocument } from "#oci";
import type { ImageSpecInput } from "#spec";
import type { AuditOptions } from "./attest/audit.ts";
import type { AuditedImage } from "./attest/audited.ts";
import { inputs, type SpecOptions } from "./build.ts";
import { isSpecPath } from "./compare.ts";
import { Inspection, ownErrors, specInspection } from "./inspection.ts";
import { type Operation, operate } from "./machine.ts";
import { openSource } from "./source.ts";
import { againIfStale } from "./spec-images.ts";
import { openOnBase } from "./spec-on-base.ts";

/** How an image is checked. */
export interface CheckImageOptions extends SpecOptions, AuditOptions {
  /** The place of the image that it is based on, if it isn't told by the image itself. */
  readonly base?: string | undefined;
}

/** What is wrong with an image. */
export interface CheckedImage extends Sifted {
  /** Where it is, as people call it. */
  readonly source: string;
  /** How many of the findings are errors that aren't the base's: an image with any is sure to fail. */
  readonly errors: number;
}

/**
 * Looks for what is wrong with an image: programs that can't be loaded, links that lead nowhere, secrets, and the like. Nothing is
 * unpacked, and nothing runs.
 * @param given - the image's place, a spec's or a project's path, or a spec; a spec's image is made, but not written
 * @throws VarveError what opening and reading the image throws, and for specs what `build` does
 */
export async function check(
  given: string | ImageSpecInput,
  options: CheckImageOptions = {},
): Promise<CheckedImage> {
  return await operate(options, async (operation) => {
    if (typeof given !== "string" || (await isSpecPath(given)))
      return await checkSpecImage(given, operation, options);
    return await checkPlace(given, operation, options);
  });
}

async function checkPlace(
  place: string,
  operation: Operation,
  options: CheckImageOptions,
): Promise<CheckedImage> {
  const { machine, read, signal } = operation;
  await using source = await machine.transports.source(place);
  const image = await source.read(read);
  await using baseSource =
    options.base === undefined ? undefined : await machine.transports.source(options.base);
  const base =
    baseSource === undefined ? ownBase(image) : partOf(image, await baseSource.read(read), options.base!);
  const inspection = new Inspection({ machine, base, signal });
  const sifted = await inspection.findings(image.config, image.layers);
  return checked(source.name, await held(sifted, { ...image, base }, { ...options, machine, signal }));
}

/** What was found, and what advisories say, which are loaded only if there are any. */
async function held(
  sifted: Sifted,
  image: AuditedImage,
  { audit, vex, machine, signal }: CheckImageOptions & Pick<Operation, "machine">,
): Promise<Sifted> {
  if (audit === undefined) return sifted;
  const { audited } = await import("./attest/audited.ts");
  return await audited(sifted, image, { audit, vex, cache: machine.cache, signal });
}

/** The base of an image that varve made, as far as its history tells: all below the first layer that has components. */
function ownBase(image: Image): Image | undefined {
  const layers = layersBelowComponents(image) ?? 0;
  return layers > 0 ? { ...image, layers: image.layers.slice(0, layers) } : undefined;
}

function partOf(image: Image, base: Image, place: string): Image {
  const isBase = base.layers.every(({ diffId }, index) => image.layers[index]?.diffId === diffId);
  if (isBase) return base;
  throw new VarveError("USAGE", `the image isn't based on ${place}, whose layers aren't its first ones`);
}

async function checkSpecImage(
  given: string | ImageSpecInput,
  operation: Operation,
  options: CheckImageOptions,
): Promise<CheckedImage> {
  const context = { ...operation, ...options, machine: operation.machine };
  const source = await openSource(given, context);
  await using known = await openOnBase(source, operation, options);
  const { spec, base } = known;
  const attempt = async () => {
    const inspection = specInspection(spec, { operation, base });
    await using draft = await draftImage(spec, {
      ...inputs(operation, options),
      ...known,
      base: base && inspection.image(base),
    });
    const { signal, machine } = operation;
    const { config, layers } = await readThrough(inspection.draft(draft), signal);
    const sifted = await inspection.findings(config);
    const made = { graph: draft.graph, workingDir: draft.config.WorkingDir };
    const image = { config, layers, base, made, rules: spec.check?.ignore };
    return checked(spec.name, await held(sifted, image, { ...options, machine, signal }));
  };
  return await againIfStale(attempt, context);
}

/** Reads a draft's layers that aren't known yet, and says what they and its config are. */
async function readThrough(
  draft: ImageDraft,
  signal: AbortSignal | undefined,
): Promise<{ config: RawDocument<ImageConfig>; layers: Layer[] }> {
  const layers: Layer[] = [];
  for await (const layer of draft.unmeasuredLayers?.(signal) ?? draft.layers(signal)) {
    if ("measured" in layer) {
      for await (const _ of layer.open(signal));
      layers.push(layer.measured());
    } else {
      layers.push(layer);
    }
  }
  return { config: draft.finish(layers).config, layers };
}

function checked(source: string, sifted: Sifted): CheckedImage {
  return { source, ...sifted, errors: ownErrors(sifted.findings).length };
}
