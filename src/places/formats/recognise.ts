import { lstat, stat } from "node:fs/promises";
import { join } from "node:path";
import { readError, VarveError } from "#errors";
import type { SpoolLimit } from "#util";
import { TarFile } from "./tar-file.ts";

/** The formats in which an image is a file or a folder. */
export type ImageFormat = "docker-archive" | "oci" | "oci-archive";

/**
 * Recognises by its content what kind of image a file or folder is. What `docker save` writes since version 25 is both
 * kinds of archive; it counts as a docker-archive. So does whatever comes out of a pipe.
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
  // What can be read only once can't be looked at first.
  if (!(await isFile(path))) return "docker-archive";
  await using file = await TarFile.open(path, limit);
  if (file.member("manifest.json") !== undefined) return "docker-archive";
  if (file.member("index.json") !== undefined) return "oci-archive";
  throw new VarveError(
    "INVALID_IMAGE",
    `${path} is a tar archive, but not an image: it has neither manifest.json nor index.json`,
  );
}

async function isFile(path: string): Promise<boolean> {
  const found = await stat(path).catch((error) => {
    throw readError(path, error);
  });
  return found.isFile();
}
