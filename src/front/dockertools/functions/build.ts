/** dockerTools' functions that make an image. */
import {
  type BuildOptions,
  type BuiltImage,
  buildFrom,
  inputs,
  openSpecImages,
  operateStream,
  type SpecOptions,
  specSource,
} from "#app";
import { draftImage } from "#draft";
import { type ArchiveInput, dockerArchive, type HandedLayer } from "#formats";
import { type ImageDraft, type Layer, newManifest } from "#image";
import { checkSpecIn, type ImageSpec, type ImageSpecInput } from "#spec";

/**
 * The arguments of the functions: the fields of a spec, by the names that dockerTools has for them. As in dockerTools, fields of
 * `config` that nobody knows are passed on.
 */
export interface ImageArguments extends Omit<ImageSpecInput, "$schema" | "layered"> {
  readonly config?: (NonNullable<ImageSpecInput["config"]> & Readonly<Record<string, unknown>>) | undefined;
}

/**
 * Builds an image of many layers: large components get a layer each, and `contents`, `extraCommands` and `fakeRootCommands`
 * make the last one. As in dockerTools, only the environment is taken over from the base's config, and layers are grouped as
 * nixpkgs does it today, by `auto`; `inherit` and `strategy` change that. Nor does anybody look for what is wrong with it, unless `check` is true.
 * @throws VarveError as {@link build}
 */
export async function buildLayeredImage(args: ImageArguments, options: BuildOptions): Promise<BuiltImage> {
  return await buildFrom(specSource(layeredSpec(args)), { check: false, ...options });
}

/**
 * The same image as {@link buildLayeredImage} builds, as the bytes of a docker-archive that are made while they are read.
 * @throws VarveError as that, and what reading the layers throws
 */
export function streamLayeredImage(
  args: ImageArguments,
  options: SpecOptions = {},
): AsyncGenerator<Uint8Array, void, void> {
  return operateStream(options, async function* (operation) {
    const spec = layeredSpec(args);
    await using images = await openSpecImages(spec, operation);
    await using draft = await draftImage(spec, { ...inputs(operation, options), ...images });
    yield* archiveOf(draft, operation.signal);
  });
}

/**
 * Builds an image with one new layer on top of `fromImage`: `copyToRoot`, what `runAsRoot` and then `extraCommands` changed,
 * and the components that the base doesn't have. From the base's config only the environment is taken over, unless `inherit`
 * says otherwise.
 * @throws VarveError as {@link build}
 */
export async function buildImage(args: ImageArguments, options: BuildOptions): Promise<BuiltImage> {
  const spec = checked({ inherit: "env", ...args, layered: false });
  return await buildFrom(specSource(spec), { check: false, ...options });
}

function layeredSpec(args: ImageArguments): ImageSpec {
  const grouped =
    args.strategy ?? args.layeringPipeline ?? args.layersFrom ?? args.sharedWith ?? args.lockFile;
  return checked({ inherit: "env", ...(grouped === undefined && { strategy: "auto" }), ...args });
}

function checked(fields: ImageSpecInput): ImageSpec {
  return checkSpecIn(".", fields, { what: "the arguments", anyConfig: true });
}

/** The bytes of the docker-archive that has a draft's image. */
async function* archiveOf(
  draft: ImageDraft,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, void> {
  const layers: Layer[] = [];
  const handed = async function* (): AsyncGenerator<HandedLayer, void, void> {
    for await (const layer of draft.layers(signal)) {
      layers.push(layer);
      yield { layer, stored: () => {} };
    }
  };
  const finished: ArchiveInput["finished"] = async () => {
    const { config, names, annotations } = draft.finish(layers);
    const descriptors = layers.map(({ descriptor }) => descriptor);
    const manifest = newManifest({ config: config.descriptor, layers: descriptors, annotations });
    return { config, names, manifest };
  };
  yield* dockerArchive({ layers: handed(), finished }, { signal });
}
