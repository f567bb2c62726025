import { cancelled } from "#errors";
import type { Layer } from "#image";
import type { Descriptor } from "#oci";
import type { AsideFile } from "#util";
import type { FinishedImage, ImageWriter, StoredLayer } from "#write";
import type { ArchiveOutput } from "./archive-output.ts";

/** A layer that is to be written to an archive. */
export interface HandedLayer {
  readonly layer: Layer;
  /** To be called when the layer is in the archive, before the next one is asked for. */
  stored(result: StoredLayer): void;
}

/** The content of an archive, as it becomes available. */
export interface ArchiveInput {
  /** The layers, from the bottom up. */
  readonly layers: AsyncIterable<HandedLayer>;
  /** The rest; known when there are no more layers. */
  finished(): Promise<FinishedImage>;
}

export interface StreamedWriterOptions {
  /** Makes the archive's bytes. */
  readonly archive: (input: ArchiveInput) => AsyncIterable<Uint8Array>;
  /** Writes all bytes; if they fail, it leaves nothing behind and fails, too. */
  readonly output: Pick<ArchiveOutput, "write" | "writeAside">;
  /** Stops waiting for a reader of the archive. */
  readonly signal?: AbortSignal | undefined;
  /** The part of the image that the archive names. */
  readonly describe: (image: FinishedImage) => Descriptor;
}

/**
 * A writer for a single stream: layers are handed in one after the other, and the stream is made from them while it is read.
 * An output with a temporary file has the whole archive before the image is named. For any other output the image exists
 * as soon as the stream has ended, so the end is held back until then.
 */
export function streamedWriter({ archive, output, signal, describe }: StreamedWriterOptions): ImageWriter {
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
  const consume = async (): Promise<AsideFile | undefined> => {
    if (output.writeAside !== undefined) return await output.writeAside(chunks, signal);
    await output.write(chunks, signal);
    return undefined;
  };
  const consumed = consume().finally(() => {
    over = true;
  });
  consumed.catch(() => {});

  const giveUp = async (): Promise<void> => {
    const reason = cancelled("writing the image");
    offered.promise.catch(() => {});
    offered.reject(reason);
    end.reject(reason);
    await consumed.catch(() => {});
  };

  let prepared: FinishedImage | undefined;
  return {
    naming: output.writeAside === undefined ? "stream" : "rename",
    async layer(layer) {
      const done = Promise.withResolvers<StoredLayer>();
      offered.resolve({ layer, done });
      // If the stream fails, nothing will report the layer as stored.
      const failed = consumed.then(() => {
        throw new Error("the archive ended before its last layer");
      });
      failed.catch(() => {});
      return await Promise.race([done.promise, failed]);
    },
    async prepare(image) {
      prepared = image;
      offered.resolve(undefined);
      if (output.writeAside !== undefined) {
        end.resolve(image);
        await consumed;
      }
      return describe(image);
    },
    async commit() {
      end.resolve(prepared!);
      const file = await consumed;
      await file?.moveIntoPlace();
    },
    async [Symbol.asyncDispose]() {
      if (!over) await giveUp();
      const file = await consumed.catch(() => undefined);
      await file?.[Symbol.asyncDispose]();
    },
  };
}
