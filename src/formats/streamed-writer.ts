import { VarveError } from "../errors.ts";
import type { FinishedImage, ImageWriter, Layer, StoredLayer } from "../image/index.ts";
import type { Descriptor } from "../oci/index.ts";

/** A layer on its way into an archive. */
export interface HandedLayer {
  readonly layer: Layer;
  /** To be called when the layer is in the archive, before the next one is asked for. */
  stored(result: StoredLayer): void;
}

/** What an archive is made of, as it comes. */
export interface ArchiveInput {
  /** The layers, from the bottom up. */
  readonly layers: AsyncIterable<HandedLayer>;
  /** The rest; known when there are no more layers. */
  finished(): Promise<FinishedImage>;
}

export interface StreamedWriterOptions {
  /** Makes the archive's bytes. */
  readonly archive: (input: ArchiveInput) => AsyncIterable<Uint8Array>;
  /** Takes them all; when they fail, it leaves nothing behind and fails too. */
  readonly consume: (chunks: AsyncIterable<Uint8Array>) => Promise<void>;
  /** What of the image the archive names. */
  readonly describe: (image: FinishedImage) => Descriptor;
}

/**
 * A writer for what is one stream: layers are handed in one after the other, and the stream is made of them as it is
 * taken.
 */
export function streamedWriter({ archive, consume, describe }: StreamedWriterOptions): ImageWriter {
  const end = Promise.withResolvers<FinishedImage>();
  end.promise.catch(() => {});
  let offered = Promise.withResolvers<
    { layer: Layer; done: PromiseWithResolvers<StoredLayer> } | undefined
  >();

  async function* layers(): AsyncGenerator<HandedLayer, void, void> {
    for (;;) {
      const offer = await offered.promise;
      if (offer === undefined) return;
      offered = Promise.withResolvers();
      yield { layer: offer.layer, stored: offer.done.resolve };
    }
  }

  const chunks = archive({ layers: layers(), finished: () => end.promise });
  let over = false;
  const consumed = consume(chunks).finally(() => {
    over = true;
  });
  consumed.catch(() => {});

  const giveUp = async (): Promise<void> => {
    const reason = new VarveError("ABORTED", "the image was given up before it was complete");
    offered.promise.catch(() => {});
    offered.reject(reason);
    end.reject(reason);
    await consumed.catch(() => {});
  };

  return {
    async layer(layer) {
      const done = Promise.withResolvers<StoredLayer>();
      offered.resolve({ layer, done });
      // If the stream fails, nobody will say that the layer is stored.
      const failed = consumed.then(() => {
        throw new Error("the archive ended before its last layer");
      });
      failed.catch(() => {});
      return await Promise.race([done.promise, failed]);
    },
    async finish(image) {
      offered.resolve(undefined);
      end.resolve(image);
      await consumed;
      return describe(image);
    },
    async [Symbol.asyncDispose]() {
      if (!over) await giveUp();
    },
  };
}
