/**
 * Reads docker-archives, what `docker save` writes: a tar archive with a `manifest.json` that names configs and
 * layers. (Docker image specification v1.2, "Combined Image JSON + Filesystem Changeset Format".)
 */
import { z } from "zod";
import { VarveError } from "../../errors.ts";
import { verified } from "../../image/index.ts";
import { type Digest, parseDigest } from "../../oci/index.ts";
import type { TarMember } from "../../tar/index.ts";
import { type ByteSource, parseJson } from "../../util/index.ts";
import { compressionOf } from "../compression.ts";
import { TarFile } from "../tar-file.ts";

/** Real documents have some kilobytes. */
const MAX_DOCUMENT_SIZE = 16 * 1024 * 1024;

/** A layer as it lies in an archive. */
export interface ArchivedLayer extends ByteSource {
  /** Its name in the archive, as `manifest.json` has it. */
  readonly name: string;
  readonly diffId: Digest;
  /** The entry that bears the name; it may be a link to the one that holds the content. */
  readonly member: TarMember;
}

/** An image as it lies in an archive. */
export interface ArchivedImage {
  /** The names and tags that loading the archive gives it. */
  readonly names: readonly string[];
  /** The parsed image config. */
  readonly config: {
    readonly config?: { readonly Env?: readonly string[] | null | undefined } | null | undefined;
  };
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

const Config = z.looseObject({
  config: z.looseObject({ Env: z.array(z.string()).nullish() }).nullish(),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
});

export class DockerArchive implements AsyncDisposable {
  readonly images: readonly ArchivedImage[];
  readonly #file: TarFile;

  private constructor(file: TarFile, images: readonly ArchivedImage[]) {
    this.#file = file;
    this.images = images;
  }

  /**
   * Opens an archive and reads what it says of its images; layers are read when they are opened.
   * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_TAR`, `INVALID_IMAGE`, `UNSUPPORTED_COMPRESSION`
   */
  static async open(path: string): Promise<DockerArchive> {
    const file = await TarFile.open(path);
    try {
      const entries = await readDocument(file, "manifest.json", Manifest);
      const images: ArchivedImage[] = [];
      for (const entry of entries) images.push(await readImage(file, entry));
      return new DockerArchive(file, images);
    } catch (error) {
      await file[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file[Symbol.asyncDispose]();
  }
}

async function readImage(file: TarFile, entry: z.infer<typeof Manifest>[number]): Promise<ArchivedImage> {
  const config = await readDocument(file, entry.Config, Config);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== entry.Layers.length) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${file.path} has ${entry.Layers.length} layers, but its config ${entry.Config} has ${diffIds.length} diff IDs`,
    );
  }
  const layers: ArchivedLayer[] = [];
  for (const [index, name] of entry.Layers.entries()) {
    const diffId = parseDigest(diffIds[index], `${file.path}: ${entry.Config}`);
    layers.push(archivedLayer(file, { name, diffId }));
  }
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
  return {
    name,
    diffId,
    member,
    async *open() {
      const compressed = compressionOf(await file.peek(holder, 16), what) !== "none";
      const bytes = file.content(holder).open();
      // The diff ID is that of the uncompressed bytes.
      yield* compressed ? bytes : verified(bytes, { digest: diffId, size: holder.entry.size }, what);
    },
  };
}

async function readDocument<T>(file: TarFile, name: string, schema: z.ZodType<T>): Promise<T> {
  const member = file.member(name);
  if (member === undefined) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${file.path} has no ${name}, so it isn't an image that docker save or varve wrote`,
    );
  }
  const what = `${name} in ${file.path}`;
  const bytes = await file.read(file.resolve(member), MAX_DOCUMENT_SIZE);
  const parsed = schema.safeParse(parseJson(bytes, { what, maxBytes: MAX_DOCUMENT_SIZE }));
  if (!parsed.success) {
    throw new VarveError("INVALID_IMAGE", `${what} isn't as it should be: ${z.prettifyError(parsed.error)}`);
  }
  return parsed.data;
}
