/** The base image of `varve stream`: its environment, and its layers as they go into the new archive. */
import { DockerArchive } from "#formats";
import type { Image } from "#image";
import { type Digest, hexOf } from "#oci";
import { fileEntry, hasContent, type TarInputMember } from "#tar";
import type { SpoolLimit } from "#util";
import { uncompressedLayer } from "#write";

/** A layer that is in the archive already. */
export interface WrittenLayer {
  readonly diffId: Digest;
  readonly name: string;
  /** What the layer is made of, as its history entry says. */
  readonly paths: readonly string[];
}

export interface BaseLayer {
  readonly layer: WrittenLayer;
  readonly member: TarInputMember;
}

export interface StreamBase extends AsyncDisposable {
  readonly env: readonly string[];
  /** From the bottom up. */
  layers(): AsyncIterable<BaseLayer>;
}

/**
 * A docker-archive as a base: its first image. Layers keep their names and headers; one that is a link to another
 * stays a link.
 * @throws VarveError what opening an archive throws
 */
export async function archiveBase(path: string, limit: SpoolLimit): Promise<StreamBase> {
  const archive = await DockerArchive.open(path, limit);
  const [image] = archive.images;
  return {
    env: image.config.value.config?.Env ?? [],
    async *layers() {
      for (const { member, diffId, open } of image.layers) {
        const { entry } = member;
        const stays = hasContent(entry.type);
        yield {
          layer: { diffId, name: entry.name, paths: [entry.name] },
          member: stays ? { entry, content: open() } : { entry: { ...entry, size: 0 } },
        };
      }
    },
    [Symbol.asyncDispose]: () => archive[Symbol.asyncDispose](),
  };
}

/** Any other image as a base: its layers, uncompressed, under the names that store layers have. */
export function imageBase(image: Image, { mtime }: { mtime: number }): StreamBase {
  return {
    env: image.config.value.config?.Env ?? [],
    async *layers() {
      for (const [index, layer] of image.layers.entries()) {
        const plain = await uncompressedLayer(layer, `base layer ${index + 1}`);
        const { descriptor, diffId } = plain;
        const name = `${hexOf(diffId)}/layer.tar`;
        yield {
          layer: { diffId, name, paths: [name] },
          member: { entry: fileEntry(name, { size: descriptor.size, mtime }), content: plain.open() },
        };
      }
    },
    async [Symbol.asyncDispose]() {},
  };
}
