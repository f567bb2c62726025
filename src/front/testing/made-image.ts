/** Images for tests, made in memory of layers that are written down entry by entry. */
import { gzipSync } from "node:zlib";
import { componentsComment, type Image, type Layer, newManifest } from "#image";
import { type ContainerConfig, digestOf, encodeDocument, type ImageConfig, MediaType } from "#oci";
import { EntryType, type TarEntry, writeTar } from "#tar";

/** A file with its content (a text, or bytes), a link, or a directory; and whatever of its entry isn't as usual. */
export type MadeEntry = Partial<Omit<TarEntry, "size">> & {
  readonly content?: string | Uint8Array;
  readonly link?: string;
  readonly dir?: true;
};

/** A layer, as it is written down. */
export interface MadeLayer {
  /** The component ids that the image's history lists. */
  readonly components?: readonly string[];
  /** By their paths in the image, without a slash in front: a file's text, or more of it. */
  readonly entries: Readonly<Record<string, string | MadeEntry>>;
  /** More entries, after the others; their names may come twice. */
  readonly more?: readonly (readonly [name: string, entry: string | MadeEntry])[];
  /** The level of gzip, 1 to 9; the layer isn't compressed unless given. */
  readonly gzip?: number;
}

/** What else an image that is made has. */
export interface MadeImageOptions {
  /** How its containers are run: OCI image specification, config.md, "Properties", `config`. */
  readonly config?: ContainerConfig;
  /** When it says that it was made, as RFC 3339 has it. */
  readonly created?: string;
  /** Of its manifest. */
  readonly annotations?: Readonly<Record<string, string>>;
}

/** A layer, and how often it was opened. */
export interface CountedLayer extends Layer {
  /** How often it was. */
  readonly opened: () => number;
}

/** An image in memory whose layers say how often they were opened. */
export interface MadeImage extends Image {
  /** From the bottom up. */
  readonly layers: readonly CountedLayer[];
}

/**
 * Makes an image for linux/amd64 in memory, the same for the same layers.
 * @param layers - from the bottom up; files are root's, with the mode 0644, and the time 1 (second since 1970)
 */
export async function madeImage(
  layers: readonly MadeLayer[],
  { config = {}, created, annotations }: MadeImageOptions = {},
): Promise<MadeImage> {
  const made = await Promise.all(layers.map(madeLayer));
  const value: ImageConfig = {
    ...(created === undefined ? {} : { created }),
    architecture: "amd64",
    os: "linux",
    config,
    rootfs: { type: "layers", diff_ids: made.map(({ diffId }) => diffId) },
    history: made.map(({ components }) => ({ comment: componentsComment(components) })),
  };
  const document = encodeDocument(value, MediaType.ociConfig);
  const descriptors = made.map(({ descriptor }) => descriptor);
  const manifest = newManifest({ config: document.descriptor, layers: descriptors, annotations });
  return { manifest, config: document, layers: made, names: [] };
}

async function madeLayer({ components = [], entries, more = [], gzip }: MadeLayer): Promise<CountedLayer> {
  const chunks: Uint8Array[] = [];
  const members = [...Object.entries(entries), ...more].map(([name, entry]) => madeMember(name, entry));
  for await (const chunk of writeTar(members)) chunks.push(Buffer.from(chunk));
  const tar = Buffer.concat(chunks);
  const bytes = gzip === undefined ? tar : gzipSync(tar, { level: gzip });
  const mediaType = gzip === undefined ? MediaType.ociLayer : MediaType.ociLayerGzip;
  let opened = 0;
  return {
    descriptor: { mediaType, digest: digestOf(bytes), size: bytes.length },
    diffId: digestOf(tar),
    components,
    opened: () => opened,
    async *open() {
      opened++;
      yield bytes;
    },
  };
}

function madeMember(name: string, given: string | MadeEntry) {
  const { content = "", link, dir, ...fields } = typeof given === "string" ? { content: given } : given;
  const type = dir ? EntryType.directory : link === undefined ? EntryType.file : EntryType.symlink;
  const bytes = Buffer.from(content);
  const entry: TarEntry = {
    name,
    type,
    mode: dir ? 0o755 : link === undefined ? 0o644 : 0o777,
    uid: 0,
    gid: 0,
    uname: "root",
    gname: "root",
    mtime: 1,
    linkname: link ?? "",
    ...fields,
    size: bytes.length,
  };
  return { entry, content: bytes.length > 0 ? [bytes] : [] };
}
