import { MAX_MANIFEST_BYTES, type Manifest, parseManifest, type RawDocument } from "#oci";
import type { TarMember } from "#tar";
import { LayoutArchive } from "../oci-layout/archive.ts";
import { blobPath, readBlob } from "../oci-layout/blobs.ts";
import { listManifests } from "../oci-layout/choose.ts";
import { INDEX_FILE, MARKER_FILE, readIndex } from "../oci-layout/read.ts";
import type { TarFile } from "../tar-file.ts";

/** Where an image's config and layers are in an archive, without links. */
export interface ImageMembers {
  readonly config: TarMember;
  readonly layers: readonly TarMember[];
}

/**
 * The OCI manifest of an image in a docker-archive that is an OCI layout, too, as `docker save` writes since version 25.
 * It counts only if it describes exactly the same bytes and is the only one that does: `manifest.json` decides what is in an
 * archive.
 * @throws VarveError what reading the layout's documents throws
 */
export async function findOciManifest(
  file: TarFile,
  image: ImageMembers,
): Promise<RawDocument<Manifest> | undefined> {
  if (file.member(INDEX_FILE) === undefined || file.member(MARKER_FILE) === undefined) return undefined;
  const layout = new LayoutArchive(file);
  const isThere = (entry: Parameters<typeof blobPath>[0]) => file.member(blobPath(entry)) !== undefined;
  const index = await readIndex(layout);
  // Docker leaves out what it doesn't have, such as the manifests of other platforms.
  const entries = await listManifests(layout, index.value.manifests.filter(isThere), isThere);
  const found: RawDocument<Manifest>[] = [];
  for (const entry of entries) {
    const manifest = parseManifest(await readBlob(layout, entry, MAX_MANIFEST_BYTES), {
      what: `the manifest ${entry.digest} of ${file.path}`,
      mediaType: entry.mediaType,
      digest: entry.digest,
    });
    if (describes(manifest.value, { file, image })) found.push(manifest);
  }
  return found.length === 1 ? found[0] : undefined;
}

function describes(
  { config, layers }: Manifest,
  { file, image }: { file: TarFile; image: ImageMembers },
): boolean {
  const described = [config, ...layers];
  const members = [image.config, ...image.layers];
  return (
    described.length === members.length &&
    described.every((descriptor, at) => {
      const member = file.member(blobPath(descriptor));
      const { offset, entry } = members[at]!;
      return member !== undefined && file.resolve(member).offset === offset && entry.size === descriptor.size;
    })
  );
}
