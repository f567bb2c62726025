/** Compares two images; each of them may also be one that a spec describes. */
import { open, stat } from "node:fs/promises";
import { compareImages, type ImageComparison } from "#compare";
import { draftImage } from "#draft";
import { type Image, type ImageDraft, type Layer, newManifest } from "#image";
import type { Descriptor } from "#oci";
import { isProject } from "#project";
import { type ImageSpecInput, startsObject } from "#spec";
import { type LicenceChange, licenceChanges } from "./attest/licences.ts";
import { inputs, type SpecOptions } from "./build.ts";
import { type Operation, operate } from "./machine.ts";
import { openSource } from "./source.ts";
import { againIfStale } from "./spec-images.ts";
import { openOnBase } from "./spec-on-base.ts";

/** How two images differ, and what they are. */
export interface Comparison extends ImageComparison {
  /** The image that is there. */
  readonly source: ComparedImage;
  /** The image that is to be there. */
  readonly target: ComparedImage;
  /** The licences of packages that came, and those that are others with another version. */
  readonly licences: readonly LicenceChange[];
}

/** What is reported about an image that was compared. */
export interface ComparedImage {
  readonly names: readonly string[];
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
}

/**
 * Says which layers of an image differ from another's, which components in them changed and how, and what the change costs.
 * @param from - the old image: its place, its spec's or its project's path, or its spec
 * @param to - the new image, likewise; a spec's image is measured, but not written
 * @throws VarveError what opening and reading the images throws, and for specs what `build` does
 */
export async function compare(
  from: string | ImageSpecInput,
  to: string | ImageSpecInput,
  options: SpecOptions = {},
): Promise<Comparison> {
  return await operate(options, async (operation) => {
    const context = { ...operation, ...options, machine: operation.machine };
    const attempt = () =>
      withImage(from, context, (source) =>
        withImage(to, context, async (target) => {
          const comparison = await compareImages(source, target, { signal: operation.signal });
          const { cache } = operation.machine;
          const images = { source, target };
          const licences = await licenceChanges(comparison, images, { cache, signal: operation.signal });
          return { ...comparison, source: described(source), target: described(target), licences };
        }),
      );
    return await againIfStale(attempt, context);
  });
}

function described({ names, config, layers }: Image): ComparedImage {
  return { names, config: config.descriptor, layers: layers.map(({ descriptor }) => descriptor) };
}

/** Runs some work with the image at a place, or with the one that a spec asks for. */
async function withImage<T>(
  given: string | ImageSpecInput,
  context: Operation & SpecOptions,
  work: (image: Image) => Promise<T>,
): Promise<T> {
  if (typeof given !== "string" || (await isSpecPath(given))) return await withBuilt(given, context, work);
  await using source = await context.machine.transports.source(given);
  return await work(await source.read(context.read));
}

async function withBuilt<T>(
  given: string | ImageSpecInput,
  context: Operation & SpecOptions,
  work: (image: Image) => Promise<T>,
): Promise<T> {
  const source = await openSource(given, context);
  await using known = await openOnBase(source, context, context);
  await using draft = await draftImage(known.spec, { ...inputs(context, context), ...known });
  return await work(await measured(draft, context.signal));
}

/** A draft's image, with its layers as they were measured. */
async function measured(draft: ImageDraft, signal: AbortSignal | undefined): Promise<Image> {
  const layers: Layer[] = [];
  for await (const layer of draft.layers(signal)) layers.push(layer);
  const { config, names, annotations } = draft.finish(layers);
  const descriptors = layers.map(({ descriptor }) => descriptor);
  const manifest = newManifest({ config: config.descriptor, layers: descriptors, annotations });
  return { manifest, config, layers, names };
}

/** How many bytes of a file are examined: the header of an archive's first member, which has zeros in it. */
const HEADER_SIZE = 512;

/** Whether a text names a project's folder, or a file that is a JSON object: no image is either. */
export async function isSpecPath(text: string): Promise<boolean> {
  try {
    const found = await stat(text);
    if (found.isDirectory()) return isProject(text);
    // What can be read only once can't be examined first.
    if (!found.isFile()) return false;
    await using file = await open(text);
    const { buffer, bytesRead } = await file.read({ buffer: Buffer.alloc(HEADER_SIZE) });
    const start = buffer.toString("latin1", 0, bytesRead);
    return startsObject(start) && !start.includes("\0");
  } catch {
    // Any fault occurs again, and is named, when it is opened as a place.
    return false;
  }
}
