import type { ImageSource } from "#image";
import type { SpoolLimit } from "#util";
import { checkPlatform } from "#write";
import { DockerArchive } from "./read.ts";

/** Which docker-archive is read, and which image in it. */
export interface DockerArchiveSourceOptions extends SpoolLimit {
  /** The archive's path; `-` for stdin. */
  readonly path: string;
  /** Which image of several: a name, an image's ID, or `@` and an index counted from 0. */
  readonly select?: string | undefined;
}

/** Reads an image from a docker-archive, without unpacking it. */
export interface DockerArchiveSource extends ImageSource {
  /** How many layers the image has; none of them is read for that. */
  countLayers(signal?: AbortSignal): Promise<number>;
}

/** The source of an archive, which is opened when it is first read. */
export function dockerArchiveSource(options: DockerArchiveSourceOptions): DockerArchiveSource {
  const { path, select, maxSpool } = options;
  let archive: Promise<DockerArchive> | undefined;
  const opened = (signal: AbortSignal | undefined) => {
    archive ??= DockerArchive.open(path, { signal, maxSpool });
    return archive;
  };
  return {
    name: `docker-archive:${path}${select === undefined ? "" : `:${select}`}`,
    async read({ platform, strict, signal }) {
      const image = await (await opened(signal)).image(select, signal);
      if (strict) checkPlatform(image, { platform, what: path });
      return image;
    },
    async countLayers(signal) {
      return (await opened(signal)).choose(select).layers.length;
    },
    async [Symbol.asyncDispose]() {
      await (await archive?.catch(() => undefined))?.[Symbol.asyncDispose]();
    },
  };
}
