/** Inside of varve chunks are lent. Whatever leaves it is the caller's to keep, which nothing about an `AsyncIterable` warns of. */
import type { ArchiveOutput } from "#formats";
import type { Image, ImageSource } from "#image";
import { ownChunks } from "#util";

/** The same source; the chunks of its images' layers are the caller's. */
export function ownSource<Source extends ImageSource>(source: Source): Source {
  return { ...source, read: async (options) => ownImage(await source.read(options)) };
}

function ownImage(image: Image): Image {
  const layers = image.layers.map((layer) => ({
    ...layer,
    open: (signal?: AbortSignal) => ownChunks(layer.open(signal)),
  }));
  return { ...image, layers };
}

/** The same output, which gets chunks that it may keep. */
export function ownOutput(output: ArchiveOutput): ArchiveOutput {
  const { name, writeAside } = output;
  return {
    name,
    write: (chunks, signal) => output.write(ownChunks(chunks), signal),
    ...(writeAside !== undefined && {
      writeAside: (chunks, signal) => writeAside.call(output, ownChunks(chunks), signal),
    }),
  };
}
