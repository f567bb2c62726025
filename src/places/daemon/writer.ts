/** Loads one image into an engine, in the shortest way that the engine takes. */
import { VarveError } from "#errors";
import { type ArchiveInput, dockerArchive, ociArchiveSink, streamedWriter } from "#formats";
import type { Layer } from "#image";
import type { Descriptor, Digest } from "#oci";
import type { FinishedImage, ImageWriter, OpenOptions, StoredLayer } from "#write";
import type { DaemonClient } from "./client.ts";
import { chainOf, type Engine } from "./engine.ts";
import { manifestOf, pullFromHere } from "./pull.ts";

export interface DaemonWriterOptions extends Pick<OpenOptions, "signal" | "onDetail"> {
  readonly client: DaemonClient;
  /** Undefined for one that doesn't say what it is; then it is sent everything. */
  readonly engine: Engine | undefined;
  /** The name that the image gets; by default those it comes with. */
  readonly name: string | undefined;
}

/**
 * There are three ways, each tried when the one before has failed:
 *
 * 1. An archive without the layers that the engine has. Engines that keep images by a graph driver look for a layer, by its chain
 *    ID, before they open its file.
 * 2. The engine pulls the image from varve. That is the first way for those that keep images in containerd, and for podman: they want
 *    an archive to be whole.
 * 3. An archive with everything, which every engine takes. One that keeps images in containerd, and didn't fetch all that it lacks, gets
 *    the blobs that it should have fetched, in an archive of an OCI layout: with those it has them for the next time, too.
 *
 * Layers are kept until then, and read again for another way.
 */
export class DaemonWriter implements ImageWriter {
  readonly naming = "stream";
  readonly #options: DaemonWriterOptions;
  readonly #layers: Layer[] = [];
  /** The archive of the first way; undefined where that is to pull. */
  readonly #archive: ImageWriter | undefined;
  /** The chain ID of the last layer. */
  #chain: Digest | undefined;
  #leftOut = 0;
  #image: FinishedImage | undefined;

  constructor(options: DaemonWriterOptions) {
    this.#options = options;
    const { engine } = options;
    const pulls = engine !== undefined && (engine.isPodman || engine.usesContainerd);
    this.#archive = pulls ? undefined : this.#archiveWriter(() => this.#isThere);
  }

  async layer(layer: Layer): Promise<StoredLayer> {
    this.#layers.push(layer);
    this.#chain = chainOf(this.#chain, layer.diffId);
    if (this.#isThere) this.#leftOut++;
    if (this.#archive !== undefined) return await this.#archive.layer(layer);
    return { descriptor: layer.descriptor, outcome: this.#isThere ? "present" : "written" };
  }

  async prepare(image: FinishedImage): Promise<Descriptor> {
    this.#image = image;
    await this.#archive?.prepare(image);
    return image.config.descriptor;
  }

  async commit(): Promise<void> {
    if (this.#archive !== undefined && (await this.#sent(this.#archive))) return;
    const pulled = await this.#pulled();
    if (pulled === "all") return;
    this.#tell("the engine is sent all layers");
    await this.#sendEverything(pulled);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#archive?.[Symbol.asyncDispose]();
  }

  /** Whether the engine has the last layer with all below it. */
  get #isThere(): boolean {
    return this.#chain !== undefined && this.#options.engine?.chains.has(this.#chain) === true;
  }

  get #names(): readonly string[] {
    const { name } = this.#options;
    return name === undefined ? this.#image!.names : [name];
  }

  /** Ends the archive. @returns false if the engine didn't take it because of what isn't in it */
  async #sent(archive: ImageWriter): Promise<boolean> {
    try {
      await archive.commit();
    } catch (error) {
      if (this.#leftOut === 0 || !isRefusal(error)) throw error;
      this.#tell(`the engine didn't take an archive without the layers that it has: ${error.message}`);
      return false;
    }
    const { length } = this.#layers;
    if (this.#leftOut > 0)
      this.#tell(
        `the engine was sent ${length - this.#leftOut} of ${length} layers, since it has the others`,
      );
    return true;
  }

  async #pulled(): Promise<"all" | "some" | "nothing"> {
    const { client, engine, signal } = this.#options;
    const names = this.#names;
    // An image without a name would be gone at once.
    if (engine === undefined || names.length === 0) return "nothing";
    const layers = this.#layers;
    try {
      const fetched = await pullFromHere({ client, engine, layers, image: this.#image!, names, signal });
      if (fetched === undefined) {
        this.#tell(
          "the engine has layers of the image in another compression, and didn't fetch them as they are",
        );
        return "some";
      }
      this.#tell(`the engine has pulled ${fetched} of ${layers.length} layers from varve`);
    } catch (error) {
      if (!isRefusal(error)) throw error;
      this.#tell(`the engine couldn't pull the image from varve: ${error.message}`);
      return "nothing";
    }
    return "all";
  }

  async #sendEverything(pulled: "some" | "nothing"): Promise<void> {
    const image = this.#image!;
    const layers = this.#layers;
    await using archive = pulled === "some" ? await this.#layoutWriter() : this.#archiveWriter(() => false);
    for (const layer of layers) await archive.layer(layer);
    await archive.prepare({ ...image, names: this.#names, manifest: manifestOf(layers, image) });
    await archive.commit();
  }

  #tell(sentence: string): void {
    this.#options.onDetail?.(sentence);
  }

  /** Makes an archive of an OCI layout while it is sent, with the layers as they are. */
  async #layoutWriter(): Promise<ImageWriter> {
    const { client, signal } = this.#options;
    const output = {
      name: "the engine",
      write: (chunks: AsyncIterable<Uint8Array>) => client.load(chunks, signal),
    };
    return await ociArchiveSink({ output }).open({ compression: { algorithm: "none" }, signal });
  }

  /** Makes an archive while it is sent. */
  #archiveWriter(leaveOut: () => boolean): ImageWriter {
    const { client, name, signal } = this.#options;
    const names = name === undefined ? undefined : [name];
    let whole = false;
    const noticed = ({ layers, finished }: ArchiveInput): ArchiveInput => ({
      layers,
      async finished() {
        const image = await finished();
        whole = true;
        return image;
      },
    });
    return streamedWriter({
      archive: (input) => dockerArchive(noticed(input), { names, leaveOut, signal }),
      output: {
        async write(chunks) {
          await client.load(chunks, signal);
          // Only the archive's end says what its layers are, so before that nothing becomes an image.
          if (!whole) {
            throw new VarveError(
              "DAEMON",
              "the Docker daemon took an image for loaded before it had all of it",
            );
          }
        },
      },
      describe: (image) => image.config.descriptor,
    });
  }
}

/** Whether an engine said no, or couldn't, so that another way may help. */
function isRefusal(error: unknown): error is VarveError {
  const codes = ["DAEMON", "IMAGE_NOT_FOUND", "NETWORK", "CANNOT_LISTEN"];
  return error instanceof VarveError && codes.includes(error.code);
}
