/**
 * Reads docker-archives, what `docker save` writes: a tar archive with a `manifest.json` that names configs and
 * layers. (Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".)
 */
import { z } from "zod";
import { VarveError } from "../../errors.ts";
import { componentsOf, compressionOf, type Image, type Layer, verified } from "../../image/index.ts";
import {
  type Descriptor,
  type Digest,
  Digester,
  type ImageConfig,
  layerMediaType,
  MediaType,
  parseImageConfig,
  type RawDocument,
} from "../../oci/index.ts";
import type { TarMember } from "../../tar/index.ts";
import { type ByteSource, checkSchema, parseJson } from "../../util/index.ts";
import { TarFile } from "../tar-file.ts";

/** Real documents have some kilobytes. */
const MAX_DOCUMENT_SIZE = 16 * 1024 * 1024;

/** A layer as it lies in an archive. */
export interface ArchivedLayer {
  /** Its name in the archive, as `manifest.json` has it. */
  readonly name: string;
  readonly diffId: Digest;
  /** The entry that bears the name; it may be a link to the one that holds the content. */
  readonly member: TarMember;
  /** The stored bytes; checked against the diff ID unless they are compressed. */
  open(): AsyncIterable<Uint8Array>;
  /** Reads as much as is needed to know the layer: nothing, unless it is compressed. */
  layer(components: readonly string[]): Promise<Layer>;
}

/** An image as it lies in an archive. */
export interface ArchivedImage {
  /** The names and tags that loading the archive gives it. */
  readonly names: readonly string[];
  readonly config: RawDocument<ImageConfig>;
  /** From the bottom up. */
  readonly layers: readonly ArchivedLayer[];
}

const Manifest = z.array(
  z.object({
    Config: z.string(),
    RepoTags: z.array(z.string()).nullish(),
    Layers: z.array(z.string()),
  }),
);

type ManifestEntry = z.infer<typeof Manifest>[number];

export class DockerArchive implements AsyncDisposable {
  readonly path: string;
  /** The images, in the order of `manifest.json`; one at the least. */
  readonly images: readonly [ArchivedImage, ...ArchivedImage[]];
  readonly #file: TarFile;

  private constructor(file: TarFile, images: readonly [ArchivedImage, ...ArchivedImage[]]) {
    this.#file = file;
    this.path = file.path;
    this.images = images;
  }

  /**
   * Opens an archive and reads what it says of its images; layers are read when they are opened.
   * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_TAR`, `INVALID_IMAGE`, `UNSUPPORTED_COMPRESSION`
   */
  static async open(path: string): Promise<DockerArchive> {
    const file = await TarFile.open(path);
    try {
      const entries = await readManifest(file);
      const images = await Promise.all(entries.map((entry) => readImage(file, entry)));
      const [first, ...others] = images;
      if (first === undefined) throw new VarveError("INVALID_IMAGE", `${path} holds no image`);
      return new DockerArchive(file, [first, ...others]);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }

  /**
   * The archive's image; an archive has no manifest of OCI's kind.
   * @throws VarveError `IMAGE_NOT_FOUND` if there are several
   */
  async image(): Promise<Image> {
    const [only, ...others] = this.images;
    if (others.length > 0) {
      const names = this.images.map((image) => image.names[0] ?? "(unnamed)").join(", ");
      throw new VarveError(
        "IMAGE_NOT_FOUND",
        `${this.path} holds several images (${names}); say which one is meant`,
      );
    }
    const comments = (only.config.value.history ?? []).filter((entry) => entry.empty_layer !== true);
    const layers: Layer[] = [];
    for (const [index, archived] of only.layers.entries()) {
      layers.push(await archived.layer(componentsOf(comments[index]?.comment)));
    }
    return { config: only.config, layers, names: only.names };
  }
}

async function readManifest(file: TarFile): Promise<ManifestEntry[]> {
  const what = `manifest.json in ${file.path}`;
  const value = parseJson(await readDocument(file, "manifest.json"), { what, maxBytes: MAX_DOCUMENT_SIZE });
  return checkSchema(Manifest, value, { code: "INVALID_IMAGE", what });
}

async function readImage(file: TarFile, entry: ManifestEntry): Promise<ArchivedImage> {
  const what = `${entry.Config} in ${file.path}`;
  const config = parseImageConfig(await readDocument(file, entry.Config), { what });
  const diffIds = config.value.rootfs.diff_ids;
  if (diffIds.length !== entry.Layers.length) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${file.path} has ${entry.Layers.length} layers, but its config ${entry.Config} has ${diffIds.length} diff IDs`,
    );
  }
  const layers = entry.Layers.map((name, index) => archivedLayer(file, { name, diffId: diffIds[index]! }));
  return { names: entry.RepoTags ?? [], config, layers };
}

function archivedLayer(file: TarFile, { name, diffId }: { name: string; diffId: Digest }): ArchivedLayer {
  const member = file.member(name);
  if (member === undefined) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${file.path} has no layer ${name}, though its manifest.json names it`,
    );
  }
  const holder = file.resolve(member);
  const what = `the layer ${name} of ${file.path}`;
  const stored = file.content(holder);
  const plain = { mediaType: MediaType.ociLayer, digest: diffId, size: holder.entry.size };
  const compression = async () => compressionOf(await file.peek(holder, 16), what);
  const opened = (descriptor: Descriptor) => verified(stored.open(), descriptor, what);
  return {
    name,
    diffId,
    member,
    async *open() {
      yield* (await compression()) === "none" ? opened(plain) : stored.open();
    },
    async layer(components) {
      const algorithm = await compression();
      const descriptor = algorithm === "none" ? plain : await describe(stored, layerMediaType(algorithm));
      return { descriptor, diffId, components, open: () => opened(descriptor) };
    },
  };
}

/** Reads bytes for their descriptor. */
async function describe(source: ByteSource, mediaType: string): Promise<Descriptor> {
  const digester = new Digester();
  for await (const chunk of source.open()) digester.update(chunk);
  return { mediaType, size: digester.size, digest: digester.digest() };
}

async function readDocument(file: TarFile, name: string): Promise<Uint8Array> {
  const member = file.member(name);
  if (member === undefined) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${file.path} has no ${name}, so it isn't an image that docker save or varve wrote`,
    );
  }
  return await file.read(file.resolve(member), MAX_DOCUMENT_SIZE);
}
