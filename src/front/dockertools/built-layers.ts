/**
 * Layers of store paths that are derivations of their own: a folder with `layers.json`, which says what they are, and with their
 * blobs where they are kept. An image that has them neither measures nor compresses them.
 */
import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";
import * as z from "zod";
import { type Compression, compress } from "#compress";
import { writeError } from "#errors";
import type { LayerRecipe } from "#fs";
import { isUnmeasured, type Layer } from "#image";
import { measureLayers, type ToldLayer, unmeasuredLayers } from "#measure";
import { type Descriptor, Digester, hashed, hexOf, layerMediaType, parseDigest } from "#oci";
import { checkSchema, parseJson, readChunks, readWhole, writeFileAtomically } from "#util";
import { verified } from "#write";
import type { StreamConf } from "./conf.ts";
import { mountRecipe } from "./snapshotter.ts";
import { storeLayerRecipe } from "./store-layer.ts";

/** What a folder of layers says of itself, in {@link readBuiltLayers}'s words. */
const FILE = "layers.json";
const MAX_BYTES = 64 * 1024 * 1024;

const Size = z.int().nonnegative();

const Description = z.looseObject({
  version: z.literal(1),
  storeDir: z.string(),
  owner: z.object({ uid: Size, gid: Size, uname: z.string(), gname: z.string() }),
  /** Seconds since 1970. */
  mtime: z.int(),
  /** From the bottom up. */
  layers: z.array(
    z.object({
      paths: z.array(z.string().startsWith("/")).min(1),
      diffId: z.string(),
      /** Of the plain archive, in bytes. */
      size: Size,
      blob: z.object({ mediaType: z.string(), digest: z.string(), size: Size }).optional(),
    }),
  ),
});

/** How its layers are packed that a folder describes. */
export type BuiltLayerOptions = Pick<StreamConf, "owner" | "mtime" | "storeDir">;

/** A layer that was built. */
export interface BuiltLayer {
  /** Store paths, in the order of the archive. */
  readonly paths: readonly string[];
  readonly recipe: LayerRecipe;
  readonly told: ToldLayer;
  /** Its compressed blob, where that is kept; undefined where the store's files are all there is. */
  readonly blob: Layer | undefined;
}

/**
 * Measures layers of store paths and writes what they are to a folder, which is made.
 * @param groups store paths, from the bottom up
 * @throws VarveError `UNWRITABLE`, `OUTSIDE_STORE`; and whatever reading the store throws
 */
export async function writeBuiltLayers(
  folder: string,
  groups: readonly (readonly string[])[],
  {
    compression,
    signal,
    ...packing
  }: BuiltLayerOptions & { compression: Compression; signal?: AbortSignal | undefined },
): Promise<void> {
  const { owner, mtime, storeDir } = packing;
  const recipes = groups.map((paths) => storeLayerRecipe(paths, packing));
  const blobs = join(folder, "blobs", "sha256");
  const layers: z.input<typeof Description>["layers"] = [];
  try {
    await mkdir(compression === "none" ? folder : blobs, { recursive: true });
    const source =
      compression === "none" ? measureLayers(recipes, { signal }) : unmeasuredLayers(recipes, { signal });
    for await (const one of source) {
      const paths = [...one.components];
      if (!isUnmeasured(one)) {
        layers.push({ paths, diffId: one.diffId, size: one.descriptor.size });
        continue;
      }
      const digester = new Digester();
      const made = join(blobs, "made");
      const bytes = compress(one.open(signal), { algorithm: compression });
      await writeFileAtomically(made, hashed(bytes, digester), { signal });
      const digest = digester.digest();
      await rename(made, join(blobs, hexOf(digest)));
      const { diffId, descriptor } = one.measured();
      const blob = { mediaType: layerMediaType(compression), digest, size: digester.size };
      layers.push({ paths, diffId, size: descriptor.size, blob });
    }
    const description = { version: 1, storeDir, owner: { ...owner }, mtime, layers };
    await writeFile(join(folder, FILE), `${JSON.stringify(description, null, 2)}\n`);
  } catch (error) {
    throw writeError(folder, error);
  }
}

/**
 * The layers that a folder describes, from the bottom up.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_JSON`, `INVALID_CONF`, `INVALID_DIGEST`, `OUTSIDE_STORE`
 */
export async function readBuiltLayers(folder: string): Promise<BuiltLayer[]> {
  return parseBuiltLayers(await readWhole(join(folder, FILE), { limit: MAX_BYTES }), folder);
}

/** The layers that a folder's file describes. Throws what {@link readBuiltLayers} throws of its content. */
export function parseBuiltLayers(bytes: Uint8Array, folder: string): BuiltLayer[] {
  const what = join(folder, FILE);
  const value = parseJson(bytes, { what, maxBytes: MAX_BYTES });
  const description = checkSchema(Description, value, { code: "INVALID_CONF", what });
  return description.layers.map(({ paths, diffId: given, size, blob }) => {
    const diffId = parseDigest(given, what);
    return {
      paths,
      recipe: storeLayerRecipe(paths, description),
      told: { diffId, size, by: what },
      blob: blob && {
        ...blobOf(folder, { ...blob, digest: parseDigest(blob.digest, what) }),
        diffId,
        components: paths,
      },
    };
  });
}

/** A blob of a folder as a layer is stored: just as it is. */
function blobOf(folder: string, descriptor: Descriptor): Pick<Layer, "descriptor" | "keep" | "open"> {
  const path = join(folder, "blobs", "sha256", hexOf(descriptor.digest));
  return { descriptor, keep: true, open: () => verified(readChunks(path), descriptor, path) };
}

/** An image's layers of store paths, or for nix-snapshotter, the one with their places. */
export interface StoreLayers {
  /** From the bottom up. */
  readonly recipes: readonly LayerRecipe[];
  /** Those that are built. */
  readonly built: ReadonlyMap<LayerRecipe, BuiltLayer>;
  /** What is known of these. */
  readonly told: ReadonlyMap<LayerRecipe, ToldLayer>;
}

/**
 * The layers of a conf's store paths. Those that are built have owners and times of their own.
 * @throws VarveError as {@link readBuiltLayers}
 */
export async function storeLayersOf(conf: StreamConf): Promise<StoreLayers> {
  const known = new Map<string, BuiltLayer>();
  for (const folder of conf.builtLayers) {
    for (const layer of await readBuiltLayers(folder)) known.set(JSON.stringify(layer.paths), layer);
  }
  const built = new Map<LayerRecipe, BuiltLayer>();
  const recipes = conf.storeLayers.map((paths) => {
    const layer = known.get(JSON.stringify(paths));
    if (layer === undefined) return storeLayerRecipe(paths, conf);
    built.set(layer.recipe, layer);
    return layer.recipe;
  });
  if (conf.storeMounts !== undefined) recipes.push(await mountRecipe(conf.storeMounts, conf));
  return { recipes, built, told: new Map([...built].map(([recipe, { told }]) => [recipe, told])) };
}

/** Built layers as an image has them, one above the other. */
export interface StackedLayers {
  /** The paths of each layer. */
  readonly groups: readonly (readonly string[])[];
  /** Those of all. */
  readonly held: ReadonlySet<string>;
  /** The folders of layers that aren't used as they were built, since a layer below has some of their paths. */
  readonly repacked: readonly string[];
}

/**
 * Puts built layers on top of each other, each path in the lowest one that has it.
 * @throws VarveError as {@link readBuiltLayers}
 */
export async function stackBuiltLayers(folders: readonly string[]): Promise<StackedLayers> {
  const groups: (readonly string[])[] = [];
  const held = new Set<string>();
  const repacked: string[] = [];
  for (const folder of folders) {
    for (const { paths } of await readBuiltLayers(folder)) {
      const left = paths.filter((path) => !held.has(path));
      // One that is given twice has nothing left, and nothing is lost.
      if (left.length > 0 && left.length < paths.length) repacked.push(folder);
      if (left.length > 0) groups.push(left);
      for (const path of left) held.add(path);
    }
  }
  return { groups, held, repacked: [...new Set(repacked)] };
}
