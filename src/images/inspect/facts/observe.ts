/** Learns of an image's layers, as they pass by on their way to somebody else, from what is kept of them, or else by reading them. */
import { decompress } from "#compress";
import { VarveError } from "#errors";
import { isUnmeasured, type Layer, type UnmeasuredLayer } from "#image";
import { algorithmOf, type Digest, Digester, layerCompression } from "#oci";
import { decodeFacts, encodeFacts, type LayerFacts } from "./facts.ts";
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
    const open = isUnmeasured(layer) ? this.#plain(layer) : this.#opened(layer);
    return { ...layer, open };
  }

  /**
   * What is known of a layer; it is read if nothing is.
   * @throws VarveError what reading it throws
   */
  async of(layer: Layer, signal?: AbortSignal): Promise<LayerFacts> {
    const decoded = decodeFacts(this.#known(layer.diffId) ?? Buffer.alloc(0));
    if (decoded !== undefined) return decoded;
    const { what, algorithm } = about(layer);
    const watcher = new LayerWatcher(what);
    const digester = new Digester(algorithmOf(layer.diffId));
    for await (const chunk of decompress(layer.open(signal), { algorithm, what })) {
      digester.update(chunk);
      watcher.push(chunk);
    }
    if (digester.digest() !== layer.diffId) {
      throw new VarveError(
        "DIGEST_MISMATCH",
        `${what} should have the diff ID ${layer.diffId}, but has another`,
      );
    }
    const facts = watcher.finish();
    this.#keep(layer.diffId, encodeFacts(facts));
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

  #opened(layer: Layer): Layer["open"] {
    return about(layer).algorithm === "none" ? this.#plain(layer) : this.#compressed(layer);
  }

  /** What isn't compressed is looked at chunk by chunk. */
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

  /** What is compressed is decompressed beside, at the reader's pace. */
  #compressed(layer: Layer): Layer["open"] {
    const observer = this;
    const { what, algorithm } = about(layer);
    return async function* (signal) {
      const { give, end, taken } = handover();
      const beside = (async () => {
        const watcher = new LayerWatcher(what);
        const digester = new Digester(algorithmOf(layer.diffId));
        for await (const chunk of decompress(taken, { algorithm, what })) {
          digester.update(chunk);
          watcher.push(chunk);
        }
        if (digester.digest() === layer.diffId) observer.#finish(layer.diffId, watcher);
      })().catch(() => end());
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
      if (watcher !== undefined) this.#keep(diffId, encodeFacts(watcher.finish()));
    } catch {
      // As above.
    }
  }
}

function about({ descriptor: { mediaType, digest } }: Layer) {
  const what = `the layer ${digest}`;
  const algorithm = layerCompression(mediaType);
  if (algorithm !== undefined) return { what, algorithm };
  throw new VarveError(
    "UNSUPPORTED_COMPRESSION",
    `${what} has the media type ${mediaType}, which is no layer's that varve reads`,
  );
}
