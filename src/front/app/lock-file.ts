/** Writes layouts down, for the next builds to keep to. */
import { existsSync } from "node:fs";
import { VarveError } from "#errors";
import { formatLayout, formatLock, type Layout } from "#layering";
import { readLock } from "#plan";
import { bytesSource, writeFileAtomically } from "#util";

/**
 * Writes images' layouts to a lock file, whole or not at all. What it has of other images stays, and so does its form: that for one image,
 * or that for several.
 * @param layouts by the images' names
 * @throws VarveError `INVALID_LAYOUT` for several images if the file is about one; what reading and writing it throws
 */
export async function writeLock(
  path: string,
  layouts: ReadonlyMap<string, Layout>,
  signal: AbortSignal | undefined,
): Promise<void> {
  const text = await lockText(path, layouts, signal);
  await writeFileAtomically(path, bytesSource(Buffer.from(text)).open());
}

/** As {@link writeLock}, of a file that is one of several images even if it has only one yet. */
export async function writeFleetLock(
  path: string,
  layouts: ReadonlyMap<string, Layout>,
  signal: AbortSignal | undefined,
): Promise<void> {
  if (existsSync(path)) return await writeLock(path, layouts, signal);
  await writeFileAtomically(path, bytesSource(Buffer.from(formatLock(layouts))).open());
}

async function lockText(
  path: string,
  layouts: ReadonlyMap<string, Layout>,
  signal: AbortSignal | undefined,
): Promise<string> {
  const [only] = layouts.values();
  if (existsSync(path)) {
    const lock = await readLock(path, signal);
    if (lock.isOfOne && layouts.size > 1) throw isOfOne(path);
    return lock.with(layouts);
  }
  return layouts.size === 1 ? formatLayout(only!) : formatLock(layouts);
}

export function isOfOne(path: string): VarveError {
  return new VarveError(
    "INVALID_LAYOUT",
    `${path} is the lock file of one image, and can't have the layouts of several; name another, or remove it`,
  );
}
