/** Blobs of a layout that nothing names: OCI image specification, image-layout.md. */
import { lstat, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { errnoOf, readError, VarveError, writeError } from "#errors";
import {
  type Descriptor,
  type Digest,
  isDigest,
  isIndexType,
  isManifestType,
  MAX_MANIFEST_BYTES,
} from "#oci";
import { currentOwner, hasEnded, ownerOfName } from "#util";
import { blobPath, readDocument } from "./blobs.ts";
import { LayoutFolder } from "./folder.ts";
import { checkMarker, readIndex } from "./read.ts";
import { INGEST } from "./store.ts";

/** What a layout has. */
export interface LayoutGarbage {
  /** Blobs that nothing names, in the order of their digests. */
  readonly blobs: readonly { readonly digest: Digest; readonly size: number }[];
  /** In bytes: what is named. */
  readonly kept: number;
  /** What is named and isn't there. */
  readonly missing: readonly { readonly digest: Digest; readonly namedBy: string }[];
}

/**
 * Looks for blobs that nothing names, and removes them if that is asked for. What no manifest can be read of is named, too, for fear of
 * removing what it needs: such a layout is refused.
 * @throws VarveError `CONFLICT` while another process writes to the layout; what reading it throws; `UNWRITABLE`
 */
export async function layoutGarbage(
  path: string,
  { remove, signal }: { readonly remove: boolean; readonly signal?: AbortSignal | undefined },
): Promise<LayoutGarbage> {
  const folder = new LayoutFolder(path);
  await checkMarker(folder);
  if (remove) await refuseWriters(path);
  const index = (await readIndex(folder)).value;
  const named = new Set<Digest>();
  const missing = new Map<Digest, string>();
  const waiting = index.manifests.map((entry) => ({ entry, namedBy: "index.json" }));
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    signal?.throwIfAborted();
    const { entry, namedBy } = next;
    if (named.has(entry.digest)) continue;
    named.add(entry.digest);
    if ((await sizeOf(join(path, blobPath(entry)))) === undefined) missing.set(entry.digest, namedBy);
    else if (isDocument(entry)) {
      for (const below of await namedIn(folder, entry)) waiting.push({ entry: below, namedBy: entry.digest });
    }
  }
  const blobs: { digest: Digest; size: number }[] = [];
  let kept = 0;
  for (const [digest, size] of await blobsIn(path)) {
    if (named.has(digest)) kept += size;
    else blobs.push({ digest, size });
  }
  if (remove) {
    for (const blob of blobs) {
      await rm(join(path, blobPath(blob)), { force: true }).catch((error: unknown) => {
        throw writeError(path, error);
      });
    }
  }
  return { blobs, kept, missing: [...missing].map(([digest, namedBy]) => ({ digest, namedBy })) };
}

/** Whoever writes puts blobs first and names them last, so that they look as if nobody needed them. */
async function refuseWriters(path: string): Promise<void> {
  const own = await currentOwner();
  for (const name of await readdir(join(path, INGEST)).catch(() => [])) {
    const owner = ownerOfName(name);
    if (owner !== undefined && (await hasEnded(owner, own))) continue;
    throw new VarveError("CONFLICT", `another process writes to ${path}; try again when it has finished`);
  }
}

function isDocument({ mediaType, size }: Descriptor): boolean {
  return (isManifestType(mediaType) || isIndexType(mediaType)) && size <= MAX_MANIFEST_BYTES;
}

async function namedIn(folder: LayoutFolder, entry: Descriptor): Promise<readonly Descriptor[]> {
  const found = await readDocument(folder, entry);
  if (found.kind === "index") return found.document.value.manifests;
  const { config, layers } = found.document.value;
  return [config, ...layers];
}

async function blobsIn(path: string): Promise<Map<Digest, number>> {
  const found = new Map<Digest, number>();
  for (const algorithm of ["sha256", "sha512"]) {
    const folder = join(path, "blobs", algorithm);
    const names = await readdir(folder).catch((error: unknown) => {
      if (errnoOf(error) === "ENOENT") return [];
      throw readError(folder, error);
    });
    for (const name of names.sort()) {
      const digest = `${algorithm}:${name}`;
      const size = isDigest(digest) ? await sizeOf(join(folder, name)) : undefined;
      if (size !== undefined) found.set(digest as Digest, size);
    }
  }
  return found;
}

/** The size of a file; undefined for anything else. */
async function sizeOf(path: string): Promise<number | undefined> {
  const found = await lstat(path).catch(() => undefined);
  return found?.isFile() ? found.size : undefined;
}
