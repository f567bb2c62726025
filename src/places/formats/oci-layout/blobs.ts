import { VarveError } from "#errors";
import {
  algorithmOf,
  type Descriptor,
  hexOf,
  MAX_MANIFEST_BYTES,
  type ManifestOrIndex,
  parseDigest,
  parseManifestOrIndex,
} from "#oci";
import { type ByteSource, collect } from "#util";
import { verified } from "#write";

/** The files of a layout, in a folder or an archive: OCI image specification, image-layout.md. */
export interface LayoutFiles extends AsyncDisposable {
  /** The name of the folder or archive in messages. */
  readonly path: string;
  /**
   * A small file such as `index.json`.
   * @throws VarveError `INVALID_IMAGE` if it isn't there, `TOO_LARGE`
   */
  document(name: string, limit: number): Promise<Uint8Array>;
  /**
   * A file's bytes, `size` of them.
   * @throws VarveError `INVALID_IMAGE` if it isn't there, `SIZE_MISMATCH`
   */
  open(name: string, expected: { size: number; signal?: AbortSignal | undefined }): AsyncIterable<Uint8Array>;
}

/** The path of a blob in a layout. The digest is checked once more, since it becomes part of a path. */
export function blobPath(blob: Pick<Descriptor, "digest">): string {
  const digest = parseDigest(blob.digest, "a blob");
  return `blobs/${algorithmOf(digest)}/${hexOf(digest)}`;
}

/** A blob's bytes, checked as they pass. */
export function layoutBlob(files: LayoutFiles, descriptor: Descriptor): ByteSource {
  const what = `the blob ${descriptor.digest} of ${files.path}`;
  return {
    open: (signal) =>
      verified(files.open(blobPath(descriptor), { size: descriptor.size, signal }), descriptor, what),
  };
}

/**
 * A small blob, such as a manifest, checked.
 * @throws VarveError `TOO_LARGE`, `SIZE_MISMATCH`, `DIGEST_MISMATCH`, `INVALID_IMAGE`
 */
export async function readBlob(
  files: LayoutFiles,
  descriptor: Descriptor,
  limit: number,
): Promise<Uint8Array> {
  const tooLarge = () =>
    new VarveError(
      "TOO_LARGE",
      `the blob ${descriptor.digest} of ${files.path} should be a document, but has ${descriptor.size} bytes`,
    );
  if (descriptor.size > limit) throw tooLarge();
  return await collect(layoutBlob(files, descriptor).open(), limit, tooLarge);
}

/**
 * A manifest or an index, checked.
 * @throws VarveError as {@link readBlob}, and `INVALID_MANIFEST`, `INVALID_JSON`, `INVALID_DIGEST`
 */
export async function readDocument(files: LayoutFiles, descriptor: Descriptor): Promise<ManifestOrIndex> {
  const { mediaType, digest } = descriptor;
  const bytes = await readBlob(files, descriptor, MAX_MANIFEST_BYTES);
  return parseManifestOrIndex(bytes, { what: `the manifest ${digest} of ${files.path}`, mediaType, digest });
}
