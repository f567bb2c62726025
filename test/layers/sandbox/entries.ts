import { readTar, streamInput, type TarEntry } from "#tar";
import { bytesSource } from "#util";

/** The entries of an archive in memory. */
export async function entriesOf(archive: Uint8Array): Promise<TarEntry[]> {
  const entries: TarEntry[] = [];
  for await (const { entry } of readTar(streamInput(bytesSource(archive).open()), "the layer"))
    entries.push(entry);
  return entries;
}
