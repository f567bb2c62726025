/** The image that a conf asks for as a draft, for places other than a stream: registries, the daemon. */
import { stat } from "node:fs/promises";
import { join } from "node:path";
import type { DigestCache } from "#cache";
import type { CompressionChoice } from "#compress";
import { readError } from "#errors";
import { DockerArchive } from "#formats";
import type { LayerRecipe } from "#fs";
import type { Image, ImageDraft, Layer, UnmeasuredLayer } from "#image";
import { measureLayers, unmeasuredLayers } from "#measure";
import {
  formatReference,
  hexOf,
  layerCompression,
  layerMediaType,
  parseImageConfig,
  parseReference,
} from "#oci";
import { readChunks } from "#util";
import { verified } from "#write";
import type { WrittenLayer } from "./base.ts";
import { type StoreLayers, storeLayersOf } from "./built-layers.ts";
import type { StreamConf } from "./conf.ts";
import { readChecksum } from "./customisation-layer.ts";
import { imageJson } from "./image-json.ts";
import { dumpPythonJson } from "./python/index.ts";
import { mountAnnotations, NIX_LAYER_ANNOTATION } from "./snapshotter.ts";

export interface ConfDraftOptions {
  /** The image at the conf's `from_image`; its reader must stay open until the draft is written. */
  readonly base?: Image | undefined;
  /** What the history gives as the content of the last layer; by default the customisation layer's folder. */
  readonly lastPaths?: readonly string[];
  /** Layers that it knows aren't measured again. */
  readonly cache?: DigestCache | undefined;
  /** How layers are to be compressed; as they were built, unless told. */
  readonly compression?: CompressionChoice | undefined;
}

/**
 * The image that a conf asks for: the same config, and so the same image ID, as its stream has.
 * @throws VarveError with any code that reading the base, the store or the customisation layer has
 */
export async function confDraft(conf: StreamConf, options: ConfDraftOptions = {}): Promise<ImageDraft> {
  const { base, cache, compression } = options;
  const store = await storeLayersOf(conf);
  const { storeMounts } = conf;
  const paths = [
    ...(base === undefined ? [] : await baseNames(conf, base)).map((name) => [name]),
    ...conf.storeLayers,
    ...(storeMounts === undefined ? [] : [storeMounts]),
    options.lastPaths ?? [conf.customisationLayer],
  ];
  const names = namesOf(conf);
  const layers = async function* <T>(known: AsyncIterable<T>): AsyncGenerator<Layer | T, void, void> {
    yield* base?.layers ?? [];
    if (storeMounts === undefined) yield* known;
    else for await (const layer of known) yield { ...layer, annotations: mountAnnotations(storeMounts) };
    const last = await lastLayer(conf.customisationLayer);
    yield storeMounts === undefined ? last : { ...last, annotations: NIX_LAYER_ANNOTATION };
  };
  return {
    // An archive has plain layers, which the store gives sooner than a blob does.
    layers: (signal) => layers(measureLayers(store.recipes, { cache, told: store.told, signal })),
    unmeasuredLayers: (signal) => layers(storedLayers(store, { cache, compression, signal })),
    finish(layers) {
      const written = layers.map(({ diffId }, at) => ({ diffId, paths: paths[at] ?? [] }));
      const env = base === undefined ? undefined : (base.config.value.config?.Env ?? []);
      const bytes = Buffer.from(dumpPythonJson(imageJson(conf, { baseEnv: env, layers: written })));
      return {
        config: parseImageConfig(bytes, { what: `the config of ${conf.repoTag}` }),
        names,
      };
    },
  };
}

/** The layers of store paths for places that compress them: those whose blobs are kept, as they are kept. */
async function* storedLayers(
  { recipes, built, told }: StoreLayers,
  {
    cache,
    compression,
    signal,
  }: Pick<ConfDraftOptions, "cache" | "compression"> & { signal: AbortSignal | undefined },
): AsyncGenerator<Layer | UnmeasuredLayer, void, void> {
  const blobs = new Map<LayerRecipe, Layer>();
  for (const [recipe, { blob }] of built)
    if (blob !== undefined && fits(blob, compression)) blobs.set(recipe, blob);
  const others = unmeasuredLayers(
    recipes.filter((recipe) => !blobs.has(recipe)),
    { cache, told, signal },
  );
  for (const recipe of recipes) {
    const blob = blobs.get(recipe);
    if (blob !== undefined) yield blob;
    else {
      const next = await others.next();
      if (!next.done) yield next.value;
    }
  }
}

/** Whether a blob is compressed as it is to be. */
function fits({ descriptor }: Layer, compression: CompressionChoice | undefined): boolean {
  if (compression === undefined) return true;
  return compression.level === undefined && layerCompression(descriptor.mediaType) === compression.algorithm;
}

/** The image's name; none where its tag is empty, which dockerTools allows and no engine does. */
function namesOf({ repoTag }: StreamConf): string[] {
  if (repoTag.endsWith(":")) return [];
  const { repository, registry, ...name } = parseReference(repoTag);
  return [formatReference({ ...name, registry, repository }, "familiar")];
}

/** What the layers of the base are called, as the stream's history has it. */
async function baseNames({ fromImage }: StreamConf, { layers }: Image): Promise<string[]> {
  const usual = layers.map(({ diffId }) => `${hexOf(diffId)}/layer.tar`);
  if (fromImage?.startsWith("/") !== true || !(await stat(fromImage).catch(() => undefined))?.isFile()) {
    return usual;
  }
  await using archive = await DockerArchive.open(fromImage).catch(() => undefined);
  const names = archive?.images[0].layers.map(({ name }: Pick<WrittenLayer, "name">) => name);
  return names?.length === usual.length ? names : usual;
}

async function lastLayer(folder: string): Promise<Layer> {
  const diffId = await readChecksum(folder);
  const path = join(folder, "layer.tar");
  const { size } = await stat(path).catch((error) => {
    throw readError(path, error);
  });
  const digest = { digest: diffId, size };
  return {
    descriptor: { mediaType: layerMediaType("none"), ...digest },
    diffId,
    components: [],
    open: () => verified(readChunks(path), digest, path),
  };
}
