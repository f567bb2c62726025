import { type FinishedDraft, type ImageDraft, isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";

/** Finishes a draft as soon as each of its layers has been read, which may be long before they are all stored. */
export class Finishing {
  readonly draft: Promise<FinishedDraft>;
  readonly #known: () => void;
  readonly #layers: Pick<Layer, "diffId" | "components">[] = [];
  /** The layers that aren't known yet, and the list of them. */
  #missing = 1;

  /** @param onFinished is called at that moment */
  constructor(draft: ImageDraft, onFinished: (draft: FinishedDraft) => void) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#known = resolve;
    this.draft = promise.then(() => {
      const finished = draft.finish(this.#layers);
      onFinished(finished);
      return finished;
    });
    // If storing fails meanwhile, nobody asks for it.
    this.draft.catch(() => {});
  }

  /** Hands layers on, and learns what they are. */
  async *watch(source: AsyncIterable<Layer | UnmeasuredLayer>): AsyncGenerator<Layer | UnmeasuredLayer> {
    let index = 0;
    for await (const layer of source) {
      this.#missing++;
      yield this.#watched(layer, index++);
    }
    this.#oneLess();
  }

  #watched(layer: Layer | UnmeasuredLayer, index: number): Layer | UnmeasuredLayer {
    const learn = ({ diffId, components }: Layer) => {
      if (this.#layers[index] !== undefined) return;
      this.#layers[index] = { diffId, components };
      this.#oneLess();
    };
    if (!isUnmeasured(layer)) {
      learn(layer);
      return layer;
    }
    const open = async function* (signal?: AbortSignal) {
      yield* layer.open(signal);
      learn(layer.measured());
    };
    return { ...layer, open };
  }

  #oneLess(): void {
    if (--this.#missing === 0) this.#known();
  }
}
