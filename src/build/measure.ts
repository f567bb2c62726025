/**
 * Layers become known by being measured: packed once for their digest and size, in other threads, before they are
 * packed again to be written. Measuring runs ahead of the writer, so that both keep a core busy.
 */
import { availableParallelism } from "node:os";
import { VarveError } from "../errors.ts";
import { type LayerRecipe, packLayer, type TreeListing } from "../fs/index.ts";
import type { Layer } from "../image/index.ts";
import { type Digest, MediaType } from "../oci/index.ts";
import { Fingerprint } from "../util/index.ts";
import { MeasurePool } from "./measure-pool.ts";

/** What measuring a recipe gives. */
export interface Measured {
  readonly diffId: Digest;
  /** The uncompressed archive's length in bytes. */
  readonly size: number;
  /** Tells whether the bytes are the same when the layer is packed again. */
  readonly fingerprint: string;
  /** The trees as they were listed, so that writing needn't list them again. */
  readonly listings: readonly TreeListing[];
}

/** More threads than this wait for each other's memory, and each takes some of its own. */
const MAX_THREADS = 4;

export interface MeasureOptions {
  /** How many threads measure; by default one a core, at most four. */
  readonly threads?: number;
  readonly signal?: AbortSignal;
}

/**
 * Measures recipes side by side and yields their layers in order, each as soon as it is known.
 * @throws VarveError whatever listing and packing throw, and `ABORTED`
 */
export async function* measureLayers(
  recipes: readonly LayerRecipe[],
  { threads = Math.min(availableParallelism(), MAX_THREADS), signal }: MeasureOptions = {},
): AsyncGenerator<Layer, void, void> {
  await using pool = new MeasurePool(recipes, { threads });
  for (const [index, recipe] of recipes.entries()) {
    const measured = await unlessAborted(pool.measured[index]!, signal);
    yield new RecipeLayer(recipe, measured, pool.fingerprintKey);
  }
}

/** What a promise gives, or `ABORTED` as soon as the signal says so: measuring a large layer takes a while. */
async function unlessAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return await promise;
  if (signal.aborted) throw cancelled();
  const abortion = Promise.withResolvers<never>();
  const abort = () => abortion.reject(cancelled());
  signal.addEventListener("abort", abort);
  try {
    return await Promise.race([promise, abortion.promise]);
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

function cancelled(): VarveError {
  return new VarveError("ABORTED", "the build was cancelled");
}

/** A measured layer, packed anew whenever it is opened. */
class RecipeLayer implements Layer {
  readonly descriptor;
  readonly diffId;
  readonly components;
  readonly #recipe: LayerRecipe;
  readonly #measured: Measured;
  readonly #fingerprintKey: Uint8Array;

  constructor(recipe: LayerRecipe, measured: Measured, fingerprintKey: Uint8Array) {
    const { diffId, size } = measured;
    this.descriptor = { mediaType: MediaType.ociLayer, digest: diffId, size };
    this.diffId = diffId;
    this.components = recipe.components;
    this.#recipe = recipe;
    this.#measured = measured;
    this.#fingerprintKey = fingerprintKey;
  }

  async *open(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { listings, fingerprint } = this.#measured;
    const suspects: string[] = [];
    const chunks = packLayer(this.#recipe, { listings, onSuspect: (path) => suspects.push(path) });
    const passing = new Fingerprint(this.#fingerprintKey);
    for (const chunk of chunks) {
      if (signal?.aborted) throw cancelled();
      passing.update(chunk);
      yield chunk;
    }
    if (passing.finish() !== fingerprint) throw this.#changed(suspects);
  }

  #changed(suspects: readonly string[]): VarveError {
    const roots = this.#measured.listings.map((listing) => listing.root);
    const shown = `${roots.slice(0, 3).join(", ")}${roots.length > 3 ? `, … (${roots.length} in all)` : ""}`;
    const where = suspects[0] ?? (roots.length === 1 ? roots[0] : `a file below one of ${shown}`);
    return new VarveError(
      "CHANGED_WHILE_READING",
      `${where} changed while the image was being built; build again when nothing writes to it`,
    );
  }
}
