/** Archives of whole OCI layouts. */
import {
  type Descriptor,
  type Digest,
  isForeignLayer,
  isIndexType,
  MAX_MANIFEST_BYTES,
  parseIndex,
  parseManifest,
} from "#oci";
import { fileEntry, fileMember, type TarInputMember, writeTar } from "#tar";
import { blobPath, layoutBlob, readBlob } from "./blobs.ts";
import { LayoutFolder } from "./folder.ts";
import { INDEX_FILE, MARKER, MARKER_FILE, readIndex } from "./read.ts";

/**
 * The bytes of an archive of a layout that is a folder: all that its index leads to, each blob once, what images are made of
 * before what names it. Nothing in it depends on when or where it is written.
 * @throws VarveError `INVALID_IMAGE`, `INVALID_MANIFEST`, `DIGEST_MISMATCH`, `SIZE_MISMATCH`, `UNREADABLE`, `ABORTED`
 */
export async function* packedLayout(
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<Uint8Array, void, void> {
  yield* writeTar(members(path, signal));
}

async function* members(
  path: string,
  signal: AbortSignal | undefined,
): AsyncGenerator<TarInputMember, void, void> {
  await using files = new LayoutFolder(path);
  const index = await readIndex(files);
  const packed = new Set<Digest>();
  const visit = async function* (entry: Descriptor): AsyncGenerator<TarInputMember, void, void> {
    if (packed.has(entry.digest)) return;
    const origin = { what: `${entry.digest} of ${path}`, mediaType: entry.mediaType };
    const bytes = await readBlob(files, entry, MAX_MANIFEST_BYTES);
    if (isIndexType(entry.mediaType)) {
      for (const each of parseIndex(bytes, origin).value.manifests) yield* visit(each);
    } else {
      const { config, layers } = parseManifest(bytes, origin).value;
      for (const blob of [...layers, config]) {
        if (packed.has(blob.digest) || isForeignLayer(blob.mediaType)) continue;
        packed.add(blob.digest);
        yield { entry: fileEntry(blobPath(blob), blob), content: layoutBlob(files, blob).open(signal) };
      }
    }
    packed.add(entry.digest);
    yield fileMember(blobPath(entry), bytes);
  };
  yield fileMember(MARKER_FILE, MARKER);
  for (const entry of index.value.manifests) yield* visit(entry);
  yield fileMember(INDEX_FILE, index.bytes);
}
