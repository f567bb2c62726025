/** OCI image layouts for tests: right ones, and ones that are changed before they are written. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import type { Image, ImageSource, Layer } from "#image";
import { digest, layerOf, type Member, tarOf } from "./docker-archive.ts";

export const OCI = "application/vnd.oci.image.";
export const DOCKER = "application/vnd.docker.";
export const REF_NAME = "org.opencontainers.image.ref.name";

export const MANIFEST = `${OCI}manifest.v1+json`;
export const INDEX = `${OCI}index.v1+json`;

export interface Entry {
  mediaType: string;
  digest: string;
  size: number;
  [other: string]: unknown;
}

interface ImageChanges {
  /** The text in the image's file, which tells it from others. */
  readonly text?: string;
  readonly architecture?: string;
  readonly family?: "oci" | "docker";
  /** Whether layers are compressed with gzip; they are unless said. */
  readonly plain?: boolean;
  readonly diffIds?: readonly string[];
  /** Changes the manifest before it is written. */
  readonly change?: (manifest: { config: Entry; layers: Entry[]; [other: string]: unknown }) => void;
}

/** A layout in memory. */
export class Layout {
  /** How blobs are known, and layers by their diff IDs. */
  readonly #algorithm: "sha256" | "sha512";

  constructor(algorithm: "sha256" | "sha512" = "sha256") {
    this.#algorithm = algorithm;
  }

  readonly files = new Map<string, Buffer>([["oci-layout", Buffer.from('{"imageLayoutVersion":"1.0.0"}')]]);

  digest(bytes: Uint8Array): string {
    return digest(bytes, this.#algorithm);
  }

  /** Adds a blob and returns its descriptor. */
  blob(content: string | Uint8Array, mediaType: string, more: Record<string, unknown> = {}): Entry {
    const bytes = Buffer.from(content);
    const entry = { mediaType, digest: this.digest(bytes), size: bytes.length, ...more };
    this.files.set(blobFile(entry), bytes);
    return entry;
  }

  json(value: unknown, mediaType: string, more: Record<string, unknown> = {}): Entry {
    return this.blob(JSON.stringify(value), mediaType, more);
  }

  /** Adds an image with one layer, whatever the layer's bytes are, and returns its manifest's descriptor. */
  foreign(
    tar: Uint8Array,
    how: "plain" | "gzip" | "zstd" = "plain",
    more: Record<string, unknown> = {},
  ): Entry {
    const packed = { plain: () => tar, gzip: () => gzipSync(tar), zstd: () => zstdCompressSync(tar) };
    const layer = this.blob(packed[how](), `${OCI}layer.v1.tar${how === "plain" ? "" : `+${how}`}`);
    const rootfs = { type: "layers", diff_ids: [this.digest(tar)] };
    const config = this.json(
      { architecture: "amd64", os: "linux", config: {}, rootfs },
      `${OCI}config.v1+json`,
    );
    return this.json({ schemaVersion: 2, mediaType: MANIFEST, config, layers: [layer] }, MANIFEST, more);
  }

  /** Adds an image of two layers and returns its manifest's descriptor. */
  async image(changes: ImageChanges = {}, more: Record<string, unknown> = {}): Promise<Entry> {
    const { text = "text", architecture = "amd64", family = "oci", plain = false } = changes;
    const tars = [await layerOf("base", "base"), await layerOf("file", text)];
    const layerType =
      family === "oci"
        ? `${OCI}layer.v1.tar${plain ? "" : "+gzip"}`
        : `${DOCKER}image.rootfs.diff.tar${plain ? "" : ".gzip"}`;
    const layers = tars.map((tar) => this.blob(plain ? tar : gzipSync(tar), layerType));
    const config = this.json(
      {
        architecture,
        os: "linux",
        config: { Env: [`TEXT=${text}`] },
        rootfs: { type: "layers", diff_ids: changes.diffIds ?? tars.map((tar) => this.digest(tar)) },
        history: [{ comment: 'store paths: ["/nix/store/base"]' }, { empty_layer: true }, {}],
      },
      family === "oci" ? `${OCI}config.v1+json` : `${DOCKER}container.image.v1+json`,
    );
    const mediaType = family === "oci" ? MANIFEST : `${DOCKER}distribution.manifest.v2+json`;
    const manifest = { schemaVersion: 2, mediaType, config, layers };
    changes.change?.(manifest);
    return this.json(manifest, mediaType, more);
  }

  /** Adds an index of manifests. */
  index(manifests: readonly Entry[], mediaType = INDEX, more: Record<string, unknown> = {}): Entry {
    return this.json({ schemaVersion: 2, mediaType, manifests }, mediaType, more);
  }

  /** Names what the layout holds, in `index.json`. */
  holds(...manifests: Entry[]): this {
    this.files.set("index.json", Buffer.from(JSON.stringify({ schemaVersion: 2, manifests })));
    return this;
  }

  toFolder(path: string): string {
    for (const [name, bytes] of this.files) {
      mkdirSync(dirname(join(path, name)), { recursive: true });
      writeFileSync(join(path, name), bytes);
    }
    return path;
  }

  async toTar(extra: Readonly<Record<string, Member>> = {}): Promise<Buffer> {
    const members = [...this.files].map(([name, file]) => [name, { file }] as const);
    return await tarOf({ ...Object.fromEntries(members), ...extra });
  }
}

export function blobFile({ digest: text }: { digest: string }): string {
  return `blobs/${text.replace(":", "/")}`;
}

/** What the tests read images for. */
export const AMD64 = { platform: { os: "linux", architecture: "amd64" } } as const;

/** Reads an image, and its layers to their ends. */
export async function readWhole(source: ImageSource, options = AMD64): Promise<Image> {
  const image = await source.read(options);
  for (const layer of image.layers) await bytesOf(layer);
  return image;
}

export async function bytesOf(layer: Pick<Layer, "open">): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The text by which {@link Layout.image} tells its images from each other. */
export function textOf(image: Image): string | undefined {
  return image.config.value.config?.Env?.[0]?.replace("TEXT=", "");
}
