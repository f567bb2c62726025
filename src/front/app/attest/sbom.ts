/** Writes down what an image is made of. */
import type { Bom } from "#attest";
import { draftImage } from "#draft";
import type { Layer } from "#image";
import type { ImageSpecInput } from "#spec";
import { inputs, type SpecOptions } from "../build.ts";
import { isSpecPath } from "../compare.ts";
import { type Operation, operate } from "../machine.ts";
import type { Sbom, SbomOptions } from "../sbom.ts";
import { openSource } from "../source.ts";
import { againIfStale } from "../spec-images.ts";
import { openOnBase } from "../spec-on-base.ts";
import { builtParts, imageParts, subjectOf } from "./contents.ts";
import { bomOf, SBOM_TYPES, sbomBytes } from "./formats.ts";

/** As `sbom`, which loads this. */
export async function makeSbom(given: string | ImageSpecInput, options: SbomOptions): Promise<Sbom> {
  const { format = "cyclonedx" } = options;
  return await operate(options, async (operation) => {
    const { source, bom } = await imageBom(given, operation, options);
    const bytes = Uint8Array.from(sbomBytes(bom, format));
    const components = bom.components.length;
    return { source, format, mediaType: SBOM_TYPES[format], image: bom.subject.digest, components, bytes };
  });
}

/** What an image is made of, by whatever it is asked for. */
export async function imageBom(
  given: string | ImageSpecInput,
  operation: Operation,
  options: SpecOptions,
): Promise<{ readonly source: string; readonly bom: Bom }> {
  const { machine, read, signal } = operation;
  const { cache } = machine;
  if (typeof given !== "string" || (await isSpecPath(given))) return await specBom(given, operation, options);
  await using place = await machine.transports.source(given);
  const image = await place.read(read);
  const { manifest, config } = image;
  const digest = (manifest ?? config).descriptor.digest;
  const subject = subjectOf({ config, annotations: manifest?.value.annotations }, digest);
  return { source: place.name, bom: bomOf(await imageParts(image, { cache, signal }), subject) };
}

async function specBom(
  given: string | ImageSpecInput,
  operation: Operation,
  options: SpecOptions,
): Promise<{ readonly source: string; readonly bom: Bom }> {
  const context = { ...operation, ...options, machine: operation.machine };
  const source = await openSource(given, context);
  const { signal, machine } = operation;
  await using known = await openOnBase(source, operation, options);
  const attempt = async () => {
    await using draft = await draftImage(known.spec, { ...inputs(operation, options), ...known });
    const layers: Layer[] = [];
    for await (const layer of draft.layers(signal)) layers.push(layer);
    const { config, annotations } = draft.finish(layers);
    const { graph } = draft;
    const parts = await builtParts(
      { graph, layers, base: known.base, workingDir: draft.config.WorkingDir },
      { cache: machine.cache, signal },
    );
    const subject = subjectOf({ config, annotations }, config.descriptor.digest);
    return { source: known.spec.name, bom: bomOf(parts, subject) };
  };
  return await againIfStale(attempt, context);
}
