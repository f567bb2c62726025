import type { Layer } from "#image";
import { hexOf } from "#oci";
import { fileEntry, fileMember, type TarInputMember, writeTar } from "#tar";
import { type FinishedImage, type ImageSink, uncompressedLayer } from "#write";
import type { ArchiveOutput } from "../archive-output.ts";
import { type ArchiveInput, streamedWriter } from "../streamed-writer.ts";

/** Where a docker-archive goes, and what names it gives. */
export interface DockerArchiveSinkOptions {
  readonly output: ArchiveOutput;
  /** The names that loading the archive gives the image; by default those it comes with. */
  readonly names?: readonly string[] | undefined;
}

/**
 * Writes docker-archives: an image's uncompressed layers, its config, and `manifest.json` last. Nothing in it depends
 * on when or where it is written. It names its config, whose digest is the image's ID.
 */
export function dockerArchiveSink({ output, names }: DockerArchiveSinkOptions): ImageSink {
  return {
    name: `docker-archive:${output.name}`,
    isStream: output.writeAside === undefined,
    parallel: 1,
    async open({ signal }) {
      return streamedWriter({
        archive: (input) => dockerArchive(input, { names, signal }),
        output,
        signal,
        describe: (image) => image.config.descriptor,
      });
    },
  };
}

interface DockerArchiveOptions {
  readonly names?: readonly string[] | undefined;
  readonly signal?: AbortSignal | undefined;
  /**
   * Says of each layer, in order and once, whether whoever loads the archive has it already: then it isn't in the archive, but is
   * named there as if it were.
   */
  readonly leaveOut?: ((layer: Layer) => boolean) | undefined;
}

/** The bytes of a docker-archive of one image. */
export function dockerArchive(
  input: ArchiveInput,
  options: DockerArchiveOptions,
): AsyncGenerator<Uint8Array, void, void> {
  return writeTar(members(input, options));
}

async function* members(
  { layers, finished }: ArchiveInput,
  { names, signal, leaveOut = () => false }: DockerArchiveOptions,
): AsyncGenerator<TarInputMember, void, void> {
  const named: string[] = [];
  const written = new Set<string>();
  for await (const { layer, stored } of layers) {
    const name = `${hexOf(layer.diffId)}/layer.tar`;
    named.push(name);
    if (leaveOut(layer)) {
      stored({ descriptor: layer.descriptor, outcome: "present" });
      continue;
    }
    const plain = await uncompressedLayer(layer, `layer ${named.length}`);
    // An image may have the same layer twice; the archive needs it once.
    const present = written.has(name);
    if (!present) yield { entry: fileEntry(name, plain.descriptor), content: plain.open(signal) };
    written.add(name);
    stored({ descriptor: plain.descriptor, outcome: present ? "present" : "written" });
  }
  const image: FinishedImage = await finished();
  const configName = `${hexOf(image.config.descriptor.digest)}.json`;
  yield fileMember(configName, image.config.bytes);
  const manifest = [{ Config: configName, RepoTags: names ?? image.names, Layers: named }];
  yield fileMember("manifest.json", Buffer.from(JSON.stringify(manifest)));
}
