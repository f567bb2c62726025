/** Threads that measure layers. */
import { availableParallelism } from "node:os";
import { areSmall, type KeptListings, type LayerRecipe, type TreeListing } from "#fs";
import type { Layer } from "#image";
import { parseDigest } from "#oci";
import { fingerprintKey } from "#util";
import type { HashThreads } from "./hash-threads.ts";
import { LayerRoom, newRoomMemory } from "./layer-room.ts";
import { MeasureThread } from "./measure-thread.ts";
import { cachedLayer, layerInRoom, measuredLayer } from "./recipe-layer.ts";
import type { RecipeRecord } from "./recipe-record.ts";

/** How many bytes of small files, over all layers, may stay in memory between the measuring and the writing of a layer. */
const KEEP_LIMIT = 8 * 1024 * 1024;

/** What is measured before a thread would have been started: so many files at most, and bytes of them. */
const BEFORE_THREADS = { files: 500, bytes: 4 * 1024 * 1024 };

/** With more threads than this they mostly wait for memory, and each takes some of its own. */
const MAX_THREADS = 4;

export interface MeasurePoolOptions {
  /** How many threads pack and hash; by default as many as are worth it here. */
  readonly threads?: number | undefined;
  /** For the layers that needn't be measured. */
  readonly hashThreads: HashThreads;
  /** Trees that were listed shortly before. */
  readonly kept?: KeptListings | undefined;
}

interface Job {
  readonly record: RecipeRecord;
  readonly resolve: (layer: Layer) => void;
  readonly reject: (error: unknown) => void;
}

/**
 * Measures the recipes that the cache doesn't know, in several threads. They take them in order, so that writing the layers can
 * begin at once. Where one layer is most of the image, all threads but the first take the largest that is left, so that it isn't
 * still being measured when everything else is done.
 */
export class MeasurePool implements AsyncDisposable {
  readonly #options: MeasurePoolOptions;
  readonly #threads: MeasureThread[] = [];
  readonly #inOrder: Job[] = [];
  readonly #taken = new Set<Job>();

  readonly #fingerprintKey = fingerprintKey();
  /** Made when something is to be measured. */
  #layerRoom: LayerRoom | undefined;

  /** What is left of the room for small files, in bytes. */
  #keepRoom = KEEP_LIMIT;

  /** One layer for each recipe, in their order. */
  readonly layers: readonly Promise<Layer>[];

  constructor(records: readonly RecipeRecord[], options: MeasurePoolOptions) {
    this.#options = options;
    this.layers = records.map((record) => this.#enqueue(record));
    const bySize = this.#inOrder.toSorted(
      (a, b) => b.record.recipe.items.length - a.record.recipe.items.length,
    );
    const recipes = this.#inOrder.map(({ record }) => record.recipe);
    const isLittle = areSmall(recipes, BEFORE_THREADS);
    const hasGiant = isMostlyOne(recipes);
    const most = options.threads ?? threadsFor({ hasGiant });
    const threads = isLittle ? 1 : Math.min(most, recipes.length);
    const roomMemory = recipes.length === 0 ? undefined : newRoomMemory();
    this.#layerRoom = roomMemory && new LayerRoom(roomMemory);
    for (let n = 0; n < threads; n++) {
      // The largest layers are for all threads but the first, and these have a second thread that hashes: a layer that is most of
      // the image would otherwise keep one core busy and leave the others idle. It is too large to be left for the writer whole.
      const hashesElsewhere = hasGiant && n > 0;
      const room = hashesElsewhere ? undefined : roomMemory;
      const thread = new MeasureThread({
        fingerprintKey: this.#fingerprintKey,
        room,
        hashesElsewhere,
        isLittle,
      });
      this.#threads.push(thread);
    }
    this.#threads.forEach((thread, n) => {
      const isInOrder = !hasGiant || n === 0;
      void this.#work(
        thread,
        isInOrder ? { queue: this.#inOrder, share: 0.25 } : { queue: bySize, share: 0.75 },
      );
    });
  }

  /** Ends the threads, whatever they are doing. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#threads.map((thread) => thread.end()));
  }

  /** Looks a recipe up, or makes a job of it. */
  #enqueue(record: RecipeRecord): Promise<Layer> {
    const known = record.known();
    if (known) return Promise.resolve(cachedLayer(record, known, this.#options.hashThreads));
    const listed = this.#knownAsListed(record);
    if (listed) return Promise.resolve(listed);
    const { promise, resolve, reject } = Promise.withResolvers<Layer>();
    this.#inOrder.push({ record, resolve, reject });
    // Each is awaited in its turn; until then its failure must not count as an unhandled rejection.
    promise.catch(() => {});
    return promise;
  }

  /** Looks a recipe up that can be known only by its trees' listings, where these are there. */
  #knownAsListed(record: RecipeRecord): Layer | undefined {
    const { kept, hashThreads } = this.#options;
    const trees = record.recipe.items.filter((item) => item.kind === "tree");
    if (kept === undefined || !record.needsListing || !trees.every((tree) => kept.has(tree)))
      return undefined;
    const listings = record.list(kept);
    const known = record.known();
    if (known !== undefined) return cachedLayer(record, { ...known, listings }, hashThreads);
    // A thread packs what it lists itself, and what it packs must be known by that.
    record.forgetListing();
    return undefined;
  }

  /** Lets a thread do what is left of a queue. An error in a job rejects that job only. */
  async #work(thread: MeasureThread, { queue, share }: { queue: Job[]; share: number }): Promise<void> {
    for (let job = queue.shift(); job !== undefined; job = queue.shift()) {
      if (this.#taken.has(job)) continue;
      this.#taken.add(job);
      await this.#measure(job.record, { thread, share }).then(job.resolve, job.reject);
    }
    // Frees its memory for the layers that others are still measuring or writing.
    await thread.end();
  }

  async #measure(
    record: RecipeRecord,
    { thread, share }: { thread: MeasureThread; share: number },
  ): Promise<Layer> {
    record.beginListing();
    const { recipe, needsListing } = record;
    let listings: readonly TreeListing[] | undefined;
    if (needsListing) {
      listings = await thread.list(recipe);
      record.listed(listings);
      const known = record.known();
      if (known) return cachedLayer(record, { ...known, listings }, this.#options.hashThreads);
    }
    const others = await record.shared();
    if (others) return cachedLayer(record, { ...others, listings }, this.#options.hashThreads);
    // Most of the room is for the large layers, but never all of it, so that something is left for the next request.
    const keepLimit = Math.floor(this.#keepRoom * share);
    this.#keepRoom -= keepLimit;
    const measured = await thread.measure({ recipe: needsListing ? undefined : recipe, keepLimit });
    const { size, kept } = measured;
    const diffId = parseDigest(`sha256:${measured.sha256}`, "a measured layer");
    record.keep({ diffId, size });
    record.tellNow({ diffId, size });
    this.#keepRoom += keepLimit - kept.bytes.length;
    const giveBack = () => {
      this.#keepRoom += kept.bytes.length;
      // Frees the memory at once, instead of when it is garbage-collected.
      kept.bytes.buffer.transfer(0);
    };
    listings = measured.listings ?? listings ?? [];
    if (measured.fingerprint === undefined) {
      const { chunks } = measured;
      const where = { chunks, room: this.#layerRoom!, threads: this.#options.hashThreads };
      return layerInRoom(record, { diffId, size, listings }, where);
    }
    const fingerprint = { key: this.#fingerprintKey, value: measured.fingerprint };
    return measuredLayer(record, { diffId, size, listings, fingerprint, kept, giveBack });
  }
}

/**
 * How many threads are worth their start. What they measure is written meanwhile, which keeps one core busy; but if one layer is
 * most of the image, there is nothing to write while it is measured in its turn.
 */
function threadsFor({ hasGiant }: { hasGiant: boolean }): number {
  return Math.min(Math.max(availableParallelism() - (hasGiant ? 0 : 1), 1), MAX_THREADS);
}

/** Whether one layer is most of the image. That is seen by what it is made of, since no size is known yet. */
function isMostlyOne(recipes: readonly LayerRecipe[]): boolean {
  const counts = recipes.map(({ items }) => items.filter(({ kind }) => kind === "tree").length);
  return Math.max(...counts) * 2 > counts.reduce((sum, count) => sum + count, 0);
}
