import { stat } from "node:fs/promises";
import { join } from "node:path";
import { readError, VarveError } from "#errors";
import { type Digest, hexOf, parseDigest } from "#oci";
import { EntryType, type TarEntry } from "#tar";
import { readChunks, readWhole } from "#util";
import { verified } from "#write";
import { ownerNames } from "./owner-names.ts";

/** More bytes than any digest has. */
const MAX_CHECKSUM_SIZE = 1024;

/** A layer that was packed before, and a file with its digest. */
export interface CustomisationLayer {
  readonly diffId: Digest;
  /** The archive's header in the image, as the script writes it: with the file's own mode and owner. */
  readonly entry: TarEntry;
  /** The bytes; checked against the digest as they pass. */
  readonly content: AsyncIterable<Uint8Array>;
}

/**
 * Opens the customisation layer in `folder`: `layer.tar`, and `checksum` with its SHA-256 in hexadecimal.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_DIGEST`; while it is read, `DIGEST_MISMATCH`
 */
export async function openCustomisationLayer(
  folder: string,
  { mtime }: { mtime: number },
): Promise<CustomisationLayer> {
  const diffId = await readChecksum(folder);
  const path = join(folder, "layer.tar");
  const file = await reading(path, stat(path));
  if (!file.isFile()) throw new VarveError("UNREADABLE", `cannot read ${path}: it is not a file`);
  const { mode, uid, gid, size } = file;
  const names = await ownerNames(uid, gid);
  return {
    diffId,
    entry: {
      name: `${hexOf(diffId)}/layer.tar`,
      type: EntryType.file,
      mode: mode & 0o7777,
      uid,
      gid,
      ...names,
      size,
      mtime,
    },
    content: verified(readChunks(path), { digest: diffId, size }, path),
  };
}

/**
 * The diff ID of the customisation layer in `folder`.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`, `INVALID_DIGEST`
 */
export async function readChecksum(folder: string): Promise<Digest> {
  const path = join(folder, "checksum");
  const checksum = (await readWhole(path, { limit: MAX_CHECKSUM_SIZE })).toString("latin1");
  return parseDigest(`sha256:${checksum.trim()}`, path);
}

function reading<T>(path: string, operation: Promise<T>): Promise<T> {
  return operation.catch((error) => {
    throw readError(path, error);
  });
}
