/**
 * Layers become known by being measured: packed once for their digest and size, in other threads, before they are
 * packed again to be written. Measuring runs ahead of the writer, so that both keep a core busy.
 */
import { availableParallelism } from "node:os";
import type { DigestCache } from "../cache/index.ts";
import { VarveError } from "../errors.ts";
import { findChange, type LayerRecipe, listRecipe, packLayer, type TreeListing } from "../fs/index.ts";
import type { Layer } from "../image/index.ts";
import { Digester, MediaType } from "../oci/index.ts";
import { Fingerprint } from "../util/index.ts";
import { type Measured, MeasurePool } from "./measure-pool.ts";

/** More threads than this wait for each other's memory, and each takes some of its own. */
const MAX_THREADS = 4;

export interface MeasureOptions {
  /** How many threads measure; by default one a core, at most four. */
  readonly threads?: number;
  /** Knows layers that were measured before; those aren't measured again, but checked as they are written. */
  readonly cache?: DigestCache | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Measures recipes side by side and yields their layers in order, each as soon as it is known.
 * @throws VarveError whatever listing and packing throw, and `ABORTED`
 */
export async function* measureLayers(
  recipes: readonly LayerRecipe[],
  { threads = Math.min(availableParallelism(), MAX_THREADS), cache, signal }: MeasureOptions = {},
): AsyncGenerator<Layer, void, void> {
  await using pool = new MeasurePool(recipes, { threads, cache });
  for (const [index, recipe] of recipes.entries()) {
    const measured = await unlessAborted(pool.measured[index]!, signal);
    yield new RecipeLayer(recipe, measured, { fingerprintKey: pool.fingerprintKey, cache });
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
  readonly portable;
  readonly #recipe: LayerRecipe;
  readonly #measured: Measured;
  readonly #check: LayerCheck;

  constructor(recipe: LayerRecipe, measured: Measured, check: LayerCheck) {
    const { diffId, size } = measured;
    this.descriptor = { mediaType: MediaType.ociLayer, digest: diffId, size };
    this.diffId = diffId;
    this.components = recipe.components;
    this.#recipe = recipe;
    this.#measured = measured;
    this.#check = check;
    this.portable = measured.portable;
  }

  async *open(signal?: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
    const { listings = listRecipe(this.#recipe), fingerprint, diffId, size } = this.#measured;
    const chunks = packLayer(this.#recipe, { listings });
    // What was measured just now is known again by its fingerprint, which costs less than its digest.
    const passing = fingerprint === undefined ? new Digester() : new Fingerprint(this.#check.fingerprintKey);
    let passed = 0;
    for (const chunk of chunks) {
      if (signal?.aborted) throw cancelled();
      passing.update(chunk);
      passed += chunk.length;
      if (passed > size) break;
      yield chunk;
    }
    if (passing instanceof Fingerprint) {
      if (passing.finish() !== fingerprint) throw this.#changed(listings);
    } else if (passed !== size || passing.digest() !== diffId) {
      throw this.#stale();
    }
  }

  #stale(): VarveError {
    const { key } = this.#measured;
    if (key !== undefined) this.#check.cache?.dropLayer(key);
    return new VarveError(
      "STALE_CACHE",
      `the layer of ${shortList(this.components)} isn't what the digest cache says, which has been told to forget it; build again`,
    );
  }

  #changed(listings: readonly TreeListing[]): VarveError {
    const roots = listings.map((listing) => listing.root);
    const where =
      findChange(this.#recipe, listings) ??
      (roots.length === 1 ? roots[0] : `a file below one of ${shortList(roots)}`);
    return new VarveError(
      "CHANGED_WHILE_READING",
      `${where} changed while the image was being built; build again when nothing writes to it`,
    );
  }
}

/** With what a layer's bytes are compared as they pass. */
interface LayerCheck {
  readonly fingerprintKey: Uint8Array;
  readonly cache: DigestCache | undefined;
}

/** Some of many names, for a sentence. */
function shortList(names: readonly string[]): string {
  return `${names.slice(0, 3).join(", ")}${names.length > 3 ? `, … (${names.length} in all)` : ""}`;
}
