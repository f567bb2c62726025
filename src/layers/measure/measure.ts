/**
 * Measures layers: packs each one in another thread to learn its digest and size, before it is packed again to be
 * written. Measuring runs ahead of the writer, so that both keep a core busy. Where the digest isn't needed before the
 * bytes, they are read only once.
 */
import type { DigestCache } from "#cache";
import { cancelled } from "#errors";
import type { KeptListings, LayerRecipe } from "#fs";
import type { Layer, UnmeasuredLayer } from "#image";
import { HashThreads } from "./hash-threads.ts";
import { MeasurePool } from "./pool.ts";
import { cachedLayer, unmeasuredLayer } from "./recipe-layer.ts";
import { RecipeRecord, type ToldLayer } from "./recipe-record.ts";
import type { SharedLayers } from "./shared-layers.ts";

/** One thread hashes as fast as another reads, so more than one helps only when several layers are read at the same time. */
const HASH_THREADS = 2;

export interface MeasureOptions {
  /** How many threads measure; by default as many as are worth it here. */
  readonly threads?: number;
  /** Layers that the cache knows aren't measured again, but checked while they are written. */
  readonly cache?: DigestCache | undefined;
  /** Layers that were measured elsewhere: they aren't measured either, but checked while they are written. */
  readonly told?: ReadonlyMap<LayerRecipe, ToldLayer> | undefined;
  /** Trees that were listed shortly before; what is used of them is gone. */
  readonly kept?: KeptListings | undefined;
  /** Those whose layers an earlier image had, as far as that can be seen without reading them. */
  readonly expected?: ReadonlySet<LayerRecipe> | undefined;
  /** What is measured at the same time for other images. */
  readonly shared?: SharedLayers | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures recipes side by side and yields their layers in order, each as soon as it is known.
 * @throws VarveError whatever listing and packing throw, and `ABORTED`
 */
export async function* measureLayers(
  recipes: readonly LayerRecipe[],
  { threads, cache, told, kept, shared, signal }: MeasureOptions = {},
): AsyncGenerator<Layer, void, void> {
  const found = recordsOf(recipes, { cache, told, shared });
  const records = Array.isArray(found) ? found : await found;
  using hashThreads = new HashThreads(HASH_THREADS);
  await using pool = new MeasurePool(records, { threads, hashThreads, kept });
  for (const layer of pool.layers) yield await unlessAborted(layer, signal);
}

/**
 * Yields the recipes' layers in order without measuring them. A layer that the cache doesn't know is measured when it is
 * first read.
 * @throws VarveError whatever listing throws, and `ABORTED`; reading a layer throws what packing throws
 */
export async function* unmeasuredLayers(
  recipes: readonly LayerRecipe[],
  { cache, told, kept, expected, shared, signal }: Omit<MeasureOptions, "threads"> = {},
): AsyncGenerator<Layer | UnmeasuredLayer, void, void> {
  using threads = new HashThreads(HASH_THREADS);
  for (const record of await recordsOf(recipes, { cache, told, shared })) {
    if (signal?.aborted) throw cancelled("the build");
    yield await lookedUp(record, { threads, kept, expected, signal });
  }
}

/** What the cache has for recipes. Those who may know more than it does are asked first, for all of them at once. */
function recordsOf(
  recipes: readonly LayerRecipe[],
  { cache, told, shared }: Pick<MeasureOptions, "cache" | "told" | "shared">,
): RecipeRecord[] | Promise<RecipeRecord[]> {
  const records = recipes.map(
    (recipe) => new RecipeRecord(recipe, { cache, told: told?.get(recipe), shared }),
  );
  const keys = records.flatMap(({ portableKey }) => portableKey ?? []);
  const asked = keys.length === 0 ? undefined : cache?.askFor(keys);
  return asked === undefined ? records : asked.then(() => records);
}

async function lookedUp(
  record: RecipeRecord,
  {
    threads,
    kept,
    expected,
    signal,
  }: { readonly threads: HashThreads } & Pick<MeasureOptions, "kept" | "expected" | "signal">,
): Promise<Layer | UnmeasuredLayer> {
  const listings = record.needsListing ? record.list(kept) : undefined;
  const others = await unlessAborted(record.shared(), signal);
  const known = others ?? record.known();
  if (known === undefined) {
    const isExpected = expected?.has(record.recipe) === true;
    return unmeasuredLayer(record, {
      listings: listings ?? record.list(kept),
      threads,
      expected: isExpected,
    });
  }
  if (others === undefined) record.tell(known);
  return cachedLayer(record, { ...known, listings }, threads);
}

/** Waits for a promise, but throws `ABORTED` as soon as the signal says so: measuring a large layer takes a while. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  if (signal.aborted) throw cancelled("the build");
  const abortion = Promise.withResolvers<never>();
  const abort = () => abortion.reject(cancelled("the build"));
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, abortion.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}
