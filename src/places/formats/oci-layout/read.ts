/** Reads OCI image layouts: folders, and tar archives of them (OCI image specification, image-layout.md). */
import * as z from "zod";
import { VarveError } from "#errors";
import type { Image, ImageSource } from "#image";
import {
  checkIsImage,
  type Descriptor,
  type ImageIndex,
  MAX_CONFIG_BYTES,
  MAX_MANIFEST_BYTES,
  parseIndex,
  parseManifest,
  type RawDocument,
} from "#oci";
import { checkSchema, parseJson, type SpoolLimit } from "#util";
import { assembleImage, checkPlatform } from "#write";
import { LayoutArchive } from "./archive.ts";
import { type LayoutFiles, layoutBlob, readBlob } from "./blobs.ts";
import { type Chosen, chooseManifest, type Selection } from "./choose.ts";
import { LayoutFolder } from "./folder.ts";

/** `oci-layout` has some forty bytes. */
const MAX_MARKER_SIZE = 4096;

export const INDEX_FILE = "index.json";
export const MARKER_FILE = "oci-layout";

/** What `oci-layout` says. */
export const MARKER: Uint8Array = new TextEncoder().encode('{"imageLayoutVersion":"1.0.0"}');

const Marker = z.looseObject({ imageLayoutVersion: z.string() });

/** Which layout is read, and which image in it. */
export interface OciSourceOptions {
  readonly path: string;
  /** Which image: a tag or name as the index has it, a digest, or `@` and an index counted from 0. */
  readonly select?: string | undefined;
}

/** Reads an image from an OCI layout that is a folder. */
export function ociLayoutSource({ path, select }: OciSourceOptions): ImageSource {
  return layoutSource({ name: `oci:${path}`, select, open: async () => new LayoutFolder(path) });
}

/** Reads an image from a tar archive of an OCI layout, without unpacking it; from stdin for the path `-`. */
export function ociArchiveSource(options: OciSourceOptions & SpoolLimit): ImageSource {
  const { path, select, maxSpool } = options;
  return layoutSource({
    name: `oci-archive:${path}`,
    select,
    open: (signal) => LayoutArchive.open(path, { signal, maxSpool }),
  });
}

interface LayoutSourceOptions {
  readonly name: string;
  readonly select: string | undefined;
  readonly open: (signal: AbortSignal | undefined) => Promise<LayoutFiles>;
}

function layoutSource({ name, select, open }: LayoutSourceOptions): ImageSource {
  let files: Promise<LayoutFiles> | undefined;
  return {
    name: select === undefined ? name : `${name}:${select}`,
    async read(options) {
      files ??= open(options.signal);
      return await readLayout(await files, { ...options, select });
    },
    async readEntry(entry, signal) {
      files ??= open(signal);
      return await readManifest(await files, { entry, names: [] });
    },
    async [Symbol.asyncDispose]() {
      const opened = await files?.catch(() => undefined);
      await opened?.[Symbol.asyncDispose]();
    },
  };
}

/**
 * An image of a layout. Its documents have been checked; its layers are when they are read.
 * @throws VarveError `IMAGE_NOT_FOUND`, `INVALID_IMAGE`, `INVALID_MANIFEST`, `INVALID_DIGEST`, `INVALID_JSON`,
 *   `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `TOO_LARGE`
 */
async function readLayout(files: LayoutFiles, options: Selection): Promise<Image> {
  await checkMarker(files);
  const index = await readIndex(files);
  const { byPlatform, ...chosen } = await chooseManifest(files, index.value, options);
  const image = await readManifest(files, chosen);
  if (options.strict && !byPlatform) {
    checkPlatform(image, { platform: options.platform, what: files.path });
  }
  return image;
}

/** The image of a manifest. */
async function readManifest(
  files: LayoutFiles,
  { entry, names, index: nested }: Omit<Chosen, "byPlatform">,
): Promise<Image> {
  const what = `the manifest ${entry.digest} of ${files.path}`;
  const manifest = parseManifest(await readBlob(files, entry, MAX_MANIFEST_BYTES), {
    what,
    mediaType: entry.mediaType,
    digest: entry.digest,
  });
  checkIsImage(manifest.value, what);
  return assembleImage({
    manifest,
    index: nested && (await readNested(files, nested)),
    config: await readBlob(files, manifest.value.config, MAX_CONFIG_BYTES),
    blob: (descriptor) => layoutBlob(files, descriptor),
    names,
    what: `the image ${entry.digest} of ${files.path}`,
  });
}

async function readNested(files: LayoutFiles, entry: Descriptor): Promise<RawDocument<ImageIndex>> {
  const what = `the index ${entry.digest} of ${files.path}`;
  const { mediaType, digest } = entry;
  return parseIndex(await readBlob(files, entry, MAX_MANIFEST_BYTES), { what, mediaType, digest });
}

/** @throws VarveError `INVALID_IMAGE` if the folder or archive isn't a layout of a version that is known */
export async function checkMarker(files: LayoutFiles): Promise<void> {
  const what = `${MARKER_FILE} in ${files.path}`;
  const bytes = await files.document(MARKER_FILE, MAX_MARKER_SIZE);
  const value = parseJson(bytes, { what, maxBytes: MAX_MARKER_SIZE });
  const { imageLayoutVersion } = checkSchema(Marker, value, { code: "INVALID_IMAGE", what });
  if (!/^1\./.test(imageLayoutVersion)) {
    throw new VarveError(
      "INVALID_IMAGE",
      `${files.path} is an OCI image layout of version ${imageLayoutVersion.slice(0, 40)}, and varve knows version 1`,
    );
  }
}

/** @throws VarveError `INVALID_IMAGE`, `INVALID_JSON`, `INVALID_MANIFEST`, `INVALID_DIGEST`, `TOO_LARGE` */
export async function readIndex(files: LayoutFiles): Promise<RawDocument<ImageIndex>> {
  const bytes = await files.document(INDEX_FILE, MAX_MANIFEST_BYTES);
  return parseIndex(bytes, { what: `${INDEX_FILE} in ${files.path}` });
}
