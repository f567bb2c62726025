import { lstat } from "node:fs/promises";
import { join } from "node:path";
import { readError, VarveError } from "../errors.ts";
import type { SpoolLimit } from "../util/index.ts";
import { TarFile } from "./tar-file.ts";

/** The formats in which an image is a file or a folder. */
export type ImageFormat = "docker-archive" | "oci" | "oci-archive";

/**
 * Tells by its content what kind of image a file or folder is. What `docker save` writes since version 25 is both
 * kinds of archive; it counts as a docker-archive.
 * @throws VarveError `INVALID_IMAGE` if it is none; `NOT_FOUND`, `UNREADABLE`, `INVALID_TAR`, `TOO_LARGE`
 */
export async function recogniseImage(path: string, limit: SpoolLimit = {}): Promise<ImageFormat> {
  const isFolder = await lstat(`${path}/.`).then(
    () => true,
    () => false,
  );
  if (isFolder) {
    await lstat(join(path, "index.json")).catch((error) => {
      throw new VarveError(
        "INVALID_IMAGE",
        `${path} is a folder, but not an OCI image layout: it has no index.json`,
        { cause: readError(path, error) },
      );
    });
    return "oci";
  }
  await using file = await TarFile.open(path, limit);
  if (file.member("manifest.json") !== undefined) return "docker-archive";
  if (file.member("index.json") !== undefined) return "oci-archive";
  throw new VarveError(
    "INVALID_IMAGE",
    `${path} is a tar archive, but not an image: it has neither manifest.json nor index.json`,
  );
}
