import type { LayerRecipe, TreeListing } from "#fs";
import { Thread } from "#util";
import { newRingMemory, type RingMemory } from "./chunk-ring.ts";
import { HashThread } from "./hash-threads.ts";
import type { RoomMemory } from "./layer-room.ts";
import { type MeasureAnswer, type MeasureRequest, type MeasureThreadData, measurer } from "./measurer.ts";

type Measured = MeasureAnswer & { readonly type: "measured" };

export interface MeasureThreadOptions {
  readonly fingerprintKey: Uint8Array;
  /** Where it leaves whole layers, if it does. */
  readonly room: RoomMemory | undefined;
  /** Whether another thread hashes what this one packs. */
  readonly hashesElsewhere: boolean;
  /** Whether there is so little to do that it is done in the thread that asks. */
  readonly isLittle: boolean;
}

/** A thread that measures recipes, one after the other. */
export class MeasureThread {
  readonly #thread: Thread<MeasureRequest, MeasureAnswer>;
  readonly #ring: RingMemory | undefined;
  /** Started when it is needed. */
  #hasher: HashThread | undefined;

  constructor({ fingerprintKey, room, hashesElsewhere, isLittle }: MeasureThreadOptions) {
    const ring = hashesElsewhere ? newRingMemory() : undefined;
    this.#ring = ring;
    this.#thread = new Thread({
      job: "measure",
      data: { fingerprintKey, ring, room } satisfies MeasureThreadData,
      here: () => measurer({ fingerprintKey, ring: undefined, room }),
      isWorthIt: !isLittle,
    });
  }

  /** Lists a recipe's trees, with their identity. The thread keeps them for `measure`. */
  async list(recipe: LayerRecipe): Promise<readonly TreeListing[]> {
    const { listings = [] } = await this.#thread.ask({ type: "list", recipe });
    return listings;
  }

  /**
   * Measures a recipe; without one, the recipe whose trees were listed.
   * @param keepLimit how many bytes of small files may be kept for when the layer is written
   */
  async measure({
    recipe,
    keepLimit,
  }: {
    recipe: LayerRecipe | undefined;
    keepLimit: number;
  }): Promise<Measured> {
    if (this.#ring !== undefined) this.#hasher ??= HashThread.start(this.#ring);
    const request: MeasureRequest =
      recipe === undefined ? { type: "measure-listed", keepLimit } : { type: "measure", recipe, keepLimit };
    return (await this.#thread.ask(request)) as Measured;
  }

  /** Ends it, whatever it is doing. */
  async end(): Promise<void> {
    await Promise.all([this.#thread.end(), this.#hasher?.end()]);
  }
}
