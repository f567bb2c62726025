/** dockerTools' functions that make an image. */

import { draftImage, type PlannedDraft } from "#draft";
import { type ArchiveInput, dockerArchive, type HandedLayer } from "#formats";
import { type Layer, newManifest } from "#image";
import { isLayoutFile } from "#plan";
import { checkSpec, type ImageSpecInput } from "#spec";
import type { FunctionOptions } from "./options.ts";

/** The arguments of the functions: the fields of a spec, by the names that dockerTools has for them. Paths are absolute. */
export type ImageArguments = Omit<ImageSpecInput, "$schema" | "layered">;

/**
 * An image of many layers: popular components have one each, and `contents`, `extraCommands` and `fakeRootCommands` make
 * the last. As in dockerTools, the base's environment is taken over and nothing else of its config, and layers are
 * grouped by popularity; `inherit` and `strategy` say otherwise.
 * @returns a draft for `writeImage`; to be disposed of after that
 * @throws VarveError `INVALID_SPEC`, what opening `fromImage` throws, and what `draftImage` does
 */
export async function buildLayeredImage(
  args: ImageArguments,
  options: FunctionOptions,
): Promise<PlannedDraft> {
  const grouped = args.strategy ?? args.layeringPipeline ?? args.layersFrom ?? args.lockFile;
  return await draft(
    { inherit: "env", ...(grouped === undefined && { strategy: "popularity" }), ...args },
    options,
  );
}

/**
 * The same image as {@link buildLayeredImage} makes, as the bytes of a docker-archive that are made while they are taken.
 * @throws VarveError as that, and what reading the layers throws
 */
export async function* streamLayeredImage(
  args: ImageArguments,
  options: FunctionOptions,
): AsyncGenerator<Uint8Array, void, void> {
  const { signal } = options;
  await using made = await buildLayeredImage(args, options);
  const layers: Layer[] = [];
  const handed = async function* (): AsyncGenerator<HandedLayer, void, void> {
    for await (const layer of made.layers(signal)) {
      layers.push(layer);
      yield { layer, stored: () => {} };
    }
  };
  const finished: ArchiveInput["finished"] = async () => {
    const { config, names, annotations } = made.finish(layers);
    const descriptors = layers.map(({ descriptor }) => descriptor);
    return {
      config,
      names,
      manifest: newManifest({ config: config.descriptor, layers: descriptors, annotations }),
    };
  };
  yield* dockerArchive({ layers: handed(), finished }, { signal });
}

/**
 * An image with one new layer on top of `fromImage`: `copyToRoot`, what `runAsRoot` and then `extraCommands` changed, and
 * the components that the base hasn't got. Of the base's config its environment is taken over, unless `inherit` says otherwise.
 * @returns a draft for `writeImage`; to be disposed of after that
 * @throws VarveError as {@link buildLayeredImage}
 */
export async function buildImage(args: ImageArguments, options: FunctionOptions): Promise<PlannedDraft> {
  return await draft({ inherit: "env", ...args, layered: false }, options);
}

async function draft(fields: ImageSpecInput, options: FunctionOptions): Promise<PlannedDraft> {
  const { transports, architecture, now = new Date(0), workshop, cache, onNote, signal } = options;
  const spec = checkSpec(fields, "the arguments");
  const platform = { os: "linux", architecture: spec.architecture ?? architecture };
  const source = spec.fromImage === undefined ? undefined : await transports.source(spec.fromImage);
  const inLayout = spec.layersFrom === undefined || (await isLayoutFile(spec.layersFrom));
  const last = inLayout ? undefined : await transports.source(spec.layersFrom!);
  const close = async () => {
    await last?.[Symbol.asyncDispose]();
    await source?.[Symbol.asyncDispose]();
  };
  try {
    const base = await source?.read({ platform, signal });
    const lastImage = await last?.read({ platform, signal });
    const inputs = { base, lastImage, architecture, now, workshop, cache, ...(onNote && { onNote }) };
    const made = await draftImage(spec, inputs);
    return {
      ...made,
      async [Symbol.asyncDispose]() {
        await made[Symbol.asyncDispose]();
        await close();
      },
    };
  } catch (error) {
    await close();
    throw error;
  }
}
