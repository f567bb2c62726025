/** An image's root file system, as one archive. */
import { type FlattenProgress, flattenImage } from "#flatten";
import type { ArchiveOutput } from "#formats";
import type { Layer } from "#image";
import { type OperationOptions, operate } from "./machine.ts";

/** How an image's root file system is written. */
export interface ExportOptions extends OperationOptions {
  /** The time of all entries, in seconds since 1970; their own unless given. */
  readonly mtime?: number | undefined;
  /** Called when a layer has been read. */
  readonly onLayer?: ((layer: Layer, progress: FlattenProgress) => void) | undefined;
}

/**
 * Writes an image's root file system as one tar archive: its layers on each other, without whiteouts and what they delete.
 * @returns what people call the image's place
 * @throws VarveError what opening and reading the image throws, and writing
 */
export async function exportRoot(
  from: string,
  to: ArchiveOutput,
  { mtime, onLayer, ...options }: ExportOptions = {},
): Promise<string> {
  return await operate(options, async ({ machine, read, signal }) => {
    await using source = await machine.transports.source(from);
    const image = await source.read(read);
    await to.write(flattenImage(image.layers, { mtime, onLayer, signal }), signal);
    return source.name;
  });
}
