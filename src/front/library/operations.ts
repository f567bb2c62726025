/** Operations that hand bytes to what a program brings. */
import {
  type ExportOptions,
  exportRoot as exportTo,
  type MergedImages,
  type MergeOptions,
  merge as mergeTo,
} from "#app";
import { type ArchiveOutput, fileOutput } from "#formats";
import { ownOutput } from "./own.ts";

/**
 * Writes an image's root file system as one tar archive: its layers on each other, without whiteouts and what they delete.
 * @param from - the image's place, such as `docker://alpine` or `image.tar`
 * @param to - the archive's path, compressed if its name ends in `.gz`, `.tgz` or `.zst`; or what takes its bytes
 * @returns what people call the image's place
 * @throws VarveError what opening and reading the image throws (`NOT_FOUND`, `INVALID_IMAGE`, `IMAGE_NOT_FOUND`, `NETWORK`,
 *   `UNAUTHORIZED`, `DIGEST_MISMATCH`), `TOO_LARGE` for more files than fit in memory, `UNWRITABLE`, `ABORTED`
 */
export async function exportRoot(
  from: string,
  to: string | ArchiveOutput,
  options: ExportOptions = {},
): Promise<string> {
  return await exportTo(from, typeof to === "string" ? fileOutput(to) : ownOutput(to), options);
}

/**
 * Writes several images to one archive or OCI layout. Each keeps its names; layers that they share are there once.
 * @param from - where the images are
 * @param to - a docker-archive, an OCI archive or an OCI layout, by its place, such as `all.tar` or `oci:folder`; or what takes a
 *   docker-archive's bytes
 * @throws VarveError `USAGE` for no images, for two of one name, and for another kind of place; what reading and writing throw
 */
export async function merge(
  from: readonly string[],
  to: string | ArchiveOutput,
  options: MergeOptions = {},
): Promise<MergedImages> {
  return await mergeTo(from, typeof to === "string" ? to : ownOutput(to), options);
}
