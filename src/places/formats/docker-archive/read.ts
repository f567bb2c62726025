/**
 * Reads docker-archives, what `docker save` writes: a tar archive with a `manifest.json` that names configs and
 * layers. (Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".)
 */
import * as z from "zod";
import { compressionOf } from "#compress";
import { VarveError } from "#errors";
import { componentsOf, type Image, type Layer } from "#image";
import {
  type Descriptor,
  type Digest,
  type ImageConfig,
  identify,
  layerMediaType,
  MediaType,
  parseImageConfig,
  type RawDocument,
} from "#oci";
import type { TarMember } from "#tar";
import { checkSchema, parseJson } from "#util";
import { assembleImage, layerComments, verified } from "#write";
import { LayoutArchive } from "../oci-layout/archive.ts";
import { layoutBlob } from "../oci-layout/blobs.ts";
import { TarFile, type TarFileOptions } from "../tar-file.ts";
import { chooseImage } from "./choose.ts";
import { findOciManifest } from "./oci-manifest.ts";

/** Real documents have some kilobytes. */
const MAX_DOCUMENT_SIZE = 16 * 1024 * 1024;

/** A layer as it is in an archive. */
export interface ArchivedLayer {
  /** Its name in the archive, as `manifest.json` has it. */
  readonly name: string;
  readonly diffId: Digest;
  /** The entry with that name; it may be a link to the one with the content. */
  readonly member: TarMember;
  /** The stored bytes; checked against the diff ID unless they are compressed. */
  open(signal?: AbortSignal): AsyncIterable<Uint8Array>;
  /** Reads as much as is needed to know the layer's digest: nothing, unless it is compressed. */
  layer(components: readonly string[], signal?: AbortSignal): Promise<Layer>;
}

/** An image as it is in an archive. */
export interface ArchivedImage {
  /** The names and tags that loading the archive gives it. */
  readonly names: readonly string[];
  /** The config's name in the archive. */
  readonly configName: string;
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

/** An open archive. Its layers can be read until it is closed. */
export class DockerArchive implements AsyncDisposable {
  readonly path: string;
  /** The images, in the order of `manifest.json`; at least one. */
  readonly images: readonly [ArchivedImage, ...ArchivedImage[]];
  readonly #file: TarFile;

  private constructor(file: TarFile, images: readonly [ArchivedImage, ...ArchivedImage[]]) {
    this.#file = file;
    this.path = file.path;
    this.images = images;
  }

  /**
   * Opens an archive and reads the descriptions of its images; layers are read when they are opened.
   * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_TAR`, `INVALID_IMAGE`, `UNSUPPORTED_COMPRESSION`,
   *   `TOO_LARGE`
   */
  static async open(path: string, options: TarFileOptions = {}): Promise<DockerArchive> {
    const file = await TarFile.open(path, options);
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
   * The image that is meant. `select` is a name, an image's ID, or `@` and an index counted from 0; it may be left out
   * where there is one image only.
   * @throws VarveError `IMAGE_NOT_FOUND`, listing what there is
   */
  choose(select?: string): ArchivedImage {
    return chooseImage(this.images, { select, path: this.path });
  }

  /**
   * The image that is meant, see {@link choose}. It has a manifest if the archive is an OCI layout as well. Layers that are
   * compressed are read for their digests, unless there is a manifest.
   * @throws VarveError `IMAGE_NOT_FOUND`; what reading the manifest and the layers throws
   */
  async image(select?: string, signal?: AbortSignal): Promise<Image> {
    const image = this.choose(select);
    const file = this.#file;
    const config = file.resolve(file.member(image.configName)!);
    const members = { config, layers: image.layers.map(({ member }) => file.resolve(member)) };
    const manifest = await findOciManifest(file, members);
    if (manifest !== undefined) {
      const layout = new LayoutArchive(file);
      return assembleImage({
        manifest,
        config: image.config.bytes,
        blob: (descriptor) => layoutBlob(layout, descriptor),
        names: image.names,
        what: this.path,
      });
    }
    const comments = layerComments(image.config.value);
    const layers: Layer[] = [];
    for (const [index, archived] of image.layers.entries()) {
      layers.push(await archived.layer(componentsOf(comments[index]), signal));
    }
    return { config: image.config, layers, names: image.names };
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
  return { names: entry.RepoTags ?? [], configName: entry.Config, config, layers };
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
  const opened = (descriptor: Descriptor, signal?: AbortSignal) =>
    verified(stored.open(signal), descriptor, what);
  return {
    name,
    diffId,
    member,
    async *open(signal) {
      yield* (await compression()) === "none" ? opened(plain, signal) : stored.open(signal);
    },
    async layer(components, signal) {
      const algorithm = await compression();
      const descriptor =
        algorithm === "none" ? plain : await describe(stored.open(signal), layerMediaType(algorithm));
      return { descriptor, diffId, components, open: (signal) => opened(descriptor, signal) };
    },
  };
}

/** Reads bytes for their descriptor. */
async function describe(chunks: AsyncIterable<Uint8Array>, mediaType: string): Promise<Descriptor> {
  return { mediaType, ...(await identify(chunks)) };
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
