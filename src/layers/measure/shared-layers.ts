/** Layers that several images have which are made at the same time: one of them measures each, and the others wait for it. */
import type { CachedLayer, LayerKey } from "#cache";
import type { Digest } from "#oci";

/** What a layer is, as one of the images has found. */
export type SharedLayer = Pick<CachedLayer, "diffId" | "size" | "claimed">;

/** What one image asks of the others. */
export interface SharedLayers {
  /** What a layer is, once another image has it; undefined if the one that asks is to make it. */
  known(key: LayerKey): Promise<SharedLayer | undefined>;
  /** Says what a layer is. Others wait until it is stored, too. */
  measured(key: LayerKey, layer: SharedLayer): void;
  /** Lets others have a layer that is measured, though it isn't stored. */
  release(key: LayerKey): void;
  /** Says that a layer has become another one. */
  forget(key: LayerKey): void;
}

interface Held {
  readonly owner: Seat;
  readonly settled: PromiseWithResolvers<SharedLayer | undefined>;
  layer?: SharedLayer;
}

/** Where images meet that are made at the same time. */
export class LayerTable {
  readonly #held = new Map<LayerKey, Held>();

  /**
   * A seat for one image, which must leave it whatever becomes of it.
   * @param places to how many places the image goes, each of which stores its layers
   */
  seat(places: number): Seat {
    return new Seat(this.#held, places);
  }
}

/** One image's part of the table. */
export class Seat implements SharedLayers {
  readonly #held: Map<LayerKey, Held>;
  readonly #places: number;
  readonly #own = new Set<LayerKey>();
  /** At how many places a layer is. */
  readonly #stored = new Map<Digest, number>();

  constructor(held: Map<LayerKey, Held>, places: number) {
    this.#held = held;
    this.#places = places;
  }

  async known(key: LayerKey): Promise<SharedLayer | undefined> {
    for (;;) {
      const held = this.#held.get(key);
      if (held === undefined) {
        this.#held.set(key, { owner: this, settled: Promise.withResolvers() });
        this.#own.add(key);
        return undefined;
      }
      if (held.owner === this) return held.layer;
      const layer = await held.settled.promise;
      // Without one, its image has failed, and whoever comes first makes it instead.
      if (layer !== undefined) return layer;
    }
  }

  measured(key: LayerKey, layer: SharedLayer): void {
    const held = this.#held.get(key);
    if (held?.owner === this) held.layer = layer;
  }

  release(key: LayerKey): void {
    const held = this.#held.get(key);
    if (held?.owner === this && held.layer !== undefined) held.settled.resolve(held.layer);
  }

  forget(key: LayerKey): void {
    const held = this.#held.get(key);
    if (held === undefined) return;
    this.#held.delete(key);
    held.settled.resolve(undefined);
  }

  /** Says that a layer is at one more of the image's places. */
  stored(digest: Digest): void {
    const count = (this.#stored.get(digest) ?? 0) + 1;
    this.#stored.set(digest, count);
    if (count < this.#places) return;
    for (const key of this.#own) if (this.#held.get(key)?.layer?.diffId === digest) this.release(key);
  }

  /** @param isDone whether the image is at all its places; what it hasn't measured, or else stored, is left to others */
  leave(isDone: boolean): void {
    for (const key of this.#own) {
      const held = this.#held.get(key);
      if (held?.owner !== this) continue;
      if (isDone) this.release(key);
      const isSettled = isDone && held.layer !== undefined;
      if (!isSettled) this.#leaveToOthers(key, held);
    }
  }

  #leaveToOthers(key: LayerKey, held: Held): void {
    held.settled.resolve(undefined);
    // Those who have it already keep it.
    if (held.layer === undefined || !this.#isStored(held.layer.diffId)) this.#held.delete(key);
  }

  #isStored(digest: Digest): boolean {
    return (this.#stored.get(digest) ?? 0) >= this.#places;
  }
}
