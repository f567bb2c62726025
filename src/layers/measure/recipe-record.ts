import { type CachedLayer, type DigestCache, type LayerKey, UNSETTLED } from "#cache";
import { type KeptListings, type LayerRecipe, listRecipe, type TreeListing } from "#fs";
import type { Digest } from "#oci";
import { recipeKey } from "./layer-key.ts";
import type { SharedLayers } from "./shared-layers.ts";

/** What somebody says of a recipe's layer who has measured it and keeps that with it. */
export interface ToldLayer {
  readonly diffId: Digest;
  /** The uncompressed archive's length in bytes. */
  readonly size: number;
  /** Who says so, for errors. */
  readonly by: string;
}

/** What the digest cache has for one recipe: under which key it is known, and whether a result may be stored there. */
export class RecipeRecord {
  readonly recipe: LayerRecipe;
  /** What is known of its layer whatever the cache has. */
  readonly told: ToldLayer | undefined;
  readonly #cache: DigestCache | undefined;
  readonly #shared: SharedLayers | undefined;
  /** Whether the key is made of NAR hashes alone, so that it means the same on every machine. */
  readonly portable: boolean;
  #key: LayerKey | undefined;
  /** When listing the trees began, by the cache's clock. */
  #askedAt = 0;
  /** Whether what is measured may be stored in the cache. */
  #settled: boolean;

  constructor(
    recipe: LayerRecipe,
    {
      cache,
      told,
      shared,
    }: { cache: DigestCache | undefined; told?: ToldLayer | undefined; shared?: SharedLayers | undefined },
  ) {
    this.recipe = recipe;
    this.told = told;
    this.#cache = cache;
    this.#shared = shared;
    this.#key = recipeKey(recipe);
    this.portable = this.#key !== undefined;
    this.#settled = this.portable;
  }

  /** Whether the trees have to be listed, with their identity, before the cache can be asked. */
  get needsListing(): boolean {
    return this.told === undefined && this.#cache !== undefined && this.#key === undefined;
  }

  /** The key, where it means the same on every machine and the cache will be asked for it. */
  get portableKey(): LayerKey | undefined {
    return this.portable && this.told === undefined ? this.#key : undefined;
  }

  /** Lists the trees here, with their identity if it is needed, or takes what was listed before. */
  list(kept: KeptListings | undefined): readonly TreeListing[] {
    this.beginListing(kept?.since);
    const listings = listRecipe(this.recipe, { identify: this.needsListing, kept });
    this.listed(listings);
    return listings;
  }

  /**
   * To be called before the trees are listed elsewhere.
   * @param since when the listing of some of them began, by the cache's clock
   */
  beginListing(since = this.#cache?.now() ?? 0): void {
    this.#askedAt = since;
  }

  /** Makes the key from what was listed, if it couldn't be made from hashes. */
  listed(listings: readonly TreeListing[]): void {
    if (!this.needsListing) return;
    const lastChange = listings.reduce((last, { identity }) => Math.max(last, identity?.lastChange ?? 0), 0);
    this.#key = recipeKey(this.recipe, listings);
    // Listing may take long; what counts is how old the last change was when listing began.
    this.#settled = lastChange < this.#askedAt - UNSETTLED;
  }

  /** Takes the trees for not listed yet. */
  forgetListing(): void {
    this.#key = recipeKey(this.recipe);
  }

  /** What is known of the layer. */
  known(): CachedLayer | undefined {
    if (this.told !== undefined) return { ...this.told, portable: this.portable };
    return this.#key && this.#cache?.layer(this.#key);
  }

  /**
   * What the layer is, if another image of the same run has it, too: once that one has measured it, and stored it where that is how
   * it measures. Undefined if this image is the one to do so.
   */
  async shared(): Promise<CachedLayer | undefined> {
    const known = this.#key && (await this.#shared?.known(this.#key));
    return known && { ...known, portable: this.portable };
  }

  /** Tells other images of the same run what the layer is. */
  tell({ diffId, size, claimed }: CachedLayer | { diffId: Digest; size: number; claimed?: never }): void {
    if (this.#key !== undefined)
      this.#shared?.measured(this.#key, { diffId, size, ...(claimed && { claimed }) });
  }

  /** As {@link tell}, and that there is no use in waiting until it is stored. */
  tellNow(measured: { diffId: Digest; size: number }): void {
    this.tell(measured);
    if (this.#key !== undefined) this.#shared?.release(this.#key);
  }

  /** Stores what was measured in the cache, unless the trees may have changed since without showing it. */
  keep({ diffId, size }: { diffId: Digest; size: number }): void {
    this.tell({ diffId, size });
    if (this.#key === undefined || !this.#settled) return;
    this.#cache?.putLayer(this.#key, { diffId, size, portable: this.portable });
  }

  /** Makes the cache forget an entry that proved wrong. */
  forget(): void {
    if (this.#key === undefined) return;
    this.#cache?.dropLayer(this.#key);
    this.#shared?.forget(this.#key);
  }
}
