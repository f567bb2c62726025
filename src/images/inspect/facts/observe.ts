/** Learns of an image's layers, as they pass by on their way to somebody else, from what is kept of them, or else by reading them. */
import { hash } from "node:crypto";
import { plainLayer } from "#flatten";
import { isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";
import type { Digest } from "#oci";
import { areFacts, type LayerFacts, readFacts } from "./facts.ts";
import { handover } from "./handover.ts";
import { LayerWatcher } from "./layer.ts";

/** Where facts are kept from run to run. */
export interface FactsStore {
  get(diffId: Digest): Uint8Array | undefined;
  put(diffId: Digest, facts: Uint8Array): void;
}

/** What is known of layers by their diff IDs. It is kept as bytes until it is needed: then all that else took memory is gone. */
export class LayerObserver {
  readonly #store: FactsStore | undefined;
  readonly #facts = new Map<Digest, Uint8Array>();

  constructor(store: FactsStore | undefined) {
    this.#store = store;
  }

  /** The same layer, of which is learned when it is read to its end, unless that has been done. */
  watch<T extends Layer | UnmeasuredLayer>(layer: T): T {
    if (!isUnmeasured(layer) && this.#known(layer.diffId) !== undefined) return layer;
    const isChecked = isUnmeasured(layer) || layer.descriptor.digest === layer.diffId;
    const open = isChecked ? this.#plain(layer) : this.#beside(layer);
    return { ...layer, open };
  }

  /** Takes what somebody else says of a layer of which nothing is known; it isn't kept. What isn't in the form of facts is left alone. */
  believe(diffId: Digest, facts: Uint8Array): void {
    if (this.#known(diffId) === undefined && areFacts(facts)) this.#facts.set(diffId, facts);
  }

  /** Whether something is known of a layer. */
  knows(diffId: Digest): boolean {
    return this.#known(diffId) !== undefined;
  }

  /**
   * What is known of a layer; it is read if nothing is.
   * @throws VarveError what reading it throws
   */
  async of(layer: Layer, signal?: AbortSignal): Promise<LayerFacts> {
    return readFacts(this.#known(layer.diffId) ?? (await this.#read(layer, signal)));
  }

  /**
   * A hash of what is known of a layer, the same for layers of which the same is known; it is read if nothing is.
   * @throws VarveError what reading it throws
   */
  async identityOf(layer: Layer, signal?: AbortSignal): Promise<string> {
    return hash("sha256", this.#known(layer.diffId) ?? (await this.#read(layer, signal)));
  }

  async #read(layer: Layer, signal: AbortSignal | undefined): Promise<Uint8Array> {
    const watcher = await watched(layer, signal);
    const facts = watcher.finish();
    this.#keep(layer.diffId, facts);
    return facts;
  }

  #known(diffId: Digest): Uint8Array | undefined {
    const known = this.#facts.get(diffId) ?? this.#store?.get(diffId);
    if (known !== undefined) this.#facts.set(diffId, known);
    return known;
  }

  #keep(diffId: Digest, facts: Uint8Array): void {
    this.#facts.set(diffId, facts);
    this.#store?.put(diffId, facts);
  }

  /** What isn't compressed, and is checked against its diff ID by what opens it, is looked at chunk by chunk. */
  #plain(layer: Layer | UnmeasuredLayer): Layer["open"] {
    const observer = this;
    return async function* (signal) {
      let watcher: LayerWatcher | undefined = new LayerWatcher("the layer");
      for await (const chunk of layer.open(signal)) {
        try {
          watcher?.push(chunk);
        } catch {
          // Whoever wants to know is told when it is read for that.
          watcher = undefined;
        }
        yield chunk;
      }
      // Whatever opens a layer has checked by now that the bytes were the right ones.
      const { diffId } = isUnmeasured(layer) ? layer.measured() : layer;
      observer.#finish(diffId, watcher);
    };
  }

  /** Anything else is decompressed and checked beside, at the reader's pace. */
  #beside(layer: Layer): Layer["open"] {
    const observer = this;
    return async function* (signal) {
      const { give, end, taken } = handover();
      const beside = watched({ ...layer, open: () => taken }).then(
        (watcher) => observer.#finish(layer.diffId, watcher),
        // As above.
        () => end(),
      );
      try {
        for await (const chunk of layer.open(signal)) {
          await give(chunk);
          yield chunk;
        }
      } finally {
        end();
        await beside;
      }
    };
  }

  #finish(diffId: Digest, watcher: LayerWatcher | undefined): void {
    try {
      if (watcher !== undefined) this.#keep(diffId, watcher.finish());
    } catch {
      // As above.
    }
  }
}

/** Reads a whole layer. */
async function watched(layer: Layer, signal?: AbortSignal): Promise<LayerWatcher> {
  const what = `the layer ${layer.descriptor.digest}`;
  const watcher = new LayerWatcher(what);
  const { chunks, check } = plainLayer(layer, { what, signal });
  for await (const chunk of chunks) watcher.push(chunk);
  check();
  return watcher;
}
