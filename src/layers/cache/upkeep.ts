/** Keeps a cache small and sound, and reports what is in it. */
import type { EntryKind } from "./entry.ts";
import { isFarFrom, removeSmallFile } from "./files.ts";
import { type EntryFile, type EntryStore, type FileUse, useOf } from "./store.ts";
import { pruneTrees, treesInfo } from "./trees.ts";

const DAY = 24 * 60 * 60 * 1000;

/** In milliseconds: entries that haven't been used for longer are removed. */
export const DEFAULT_MAX_AGE = 90 * DAY;

/** Enough for hundreds of images; each takes a block of the file system, mostly 4 KiB. */
export const DEFAULT_MAX_ENTRIES = 20_000;

/** In milliseconds: writing a file takes almost no time, so a temporary file that is older was left by a killed process. */
const ASIDE_AGE = 60 * 1000;

/** The time of this file is when the cache was last pruned. */
const MARKER = "pruned";

/** What a cache keeps at most. */
export interface PruneLimits {
  /** Entries that haven't been used for more than this many milliseconds are removed; 90 days by default. */
  readonly maxAge?: number;
  /** If there are more entries than this, those that haven't been used for longest are removed; 20,000 by default. */
  readonly maxEntries?: number;
}

/** What became of a cache's entries, counted. */
export interface Pruned {
  readonly removed: number;
  readonly kept: number;
  /** How many folders with packages for other platforms were removed, if any were. */
  readonly trees?: number;
}

/** In milliseconds: they are large, and made again from what package managers keep. */
const TREES_MAX_AGE = 30 * DAY;

/**
 * As {@link prune}, of the packages that were installed for other platforms. If no entries may stay, they mayn't either.
 * @returns how many were removed
 * @throws VarveError `UNREADABLE`
 */
export function pruneInstalled(
  folder: string,
  { maxAge = TREES_MAX_AGE, maxEntries, now }: PruneLimits & { readonly now: number },
): number {
  return pruneTrees(folder, { maxAge: maxEntries === 0 ? -1 : Math.min(maxAge, TREES_MAX_AGE), now });
}

interface UsedFile extends EntryFile, FileUse {}

/**
 * Removes old entries, and files that were left aside. An entry from the future counts as new: the clock was set back.
 * @throws VarveError `UNREADABLE`
 */
export function prune(
  store: EntryStore,
  { maxAge = DEFAULT_MAX_AGE, maxEntries = DEFAULT_MAX_ENTRIES, now }: PruneLimits & { readonly now: number },
): Pruned {
  for (const path of store.asideFiles()) {
    const use = useOf(path);
    if (use !== undefined && Math.abs(now - use.time) > ASIDE_AGE) removeSmallFile(path);
  }
  const age = ({ time }: FileUse) => Math.max(0, now - time);
  const files = usedFiles(store).sort((a, b) => age(a) - age(b));
  const old = files.filter((file, index) => index >= maxEntries || age(file) > maxAge);
  const removed = old.filter((file) => store.remove(file)).length;
  return { removed, kept: files.length - removed };
}

/**
 * Prunes a cache that hasn't been pruned for a day. It is marked first, so that only one of several processes does it.
 * @returns whether it did
 * @throws the system's error where marking fails; VarveError `UNREADABLE`
 */
export function pruneNowAndThen(store: EntryStore, now: number): boolean {
  const last = useOf(store.path(MARKER));
  if (last !== undefined && !isFarFrom(last.time, now)) return false;
  store.writeMarker(MARKER, now);
  prune(store, { now });
  return true;
}

/** What is in a cache. */
export interface CacheInfo {
  readonly folder: string;
  readonly entries: Readonly<Record<EntryKind, number>>;
  /** How many folders there are with packages that were installed for other platforms. */
  readonly trees: number;
  /** The space that the entries take, in bytes. */
  readonly bytes: number;
  /** When the entry that has been unused for longest and the one used last were used, in milliseconds since 1970; undefined without entries. */
  readonly oldestUse: number | undefined;
  readonly newestUse: number | undefined;
}

/** @throws VarveError `UNREADABLE` */
export function describe(store: EntryStore, folder: string): CacheInfo {
  const files = usedFiles(store);
  const entries = { base: 0, blob: 0, facts: 0, layer: 0, tree: 0 };
  for (const { kind } of files) entries[kind]++;
  const times = files.map(({ time }) => time).sort((a, b) => a - b);
  return {
    folder,
    entries,
    trees: treesInfo(folder).count,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    oldestUse: times[0],
    newestUse: times.at(-1),
  };
}

/** What came of reading a cache's entries, counted. */
export interface Verified {
  readonly checked: number;
  /** Broken entries that are gone now. */
  readonly removed: number;
  /** Broken entries that could not be removed; they are never used. */
  readonly stuck: number;
}

/** Reads every entry and removes the broken ones. @throws VarveError `UNREADABLE` */
export function verify(store: EntryStore): Verified {
  let [checked, removed, stuck] = [0, 0, 0];
  for (const file of store.files()) {
    checked++;
    if (store.read(file) !== undefined) continue;
    if (store.remove(file)) removed++;
    else stuck++;
  }
  return { checked, removed, stuck };
}

function usedFiles(store: EntryStore): UsedFile[] {
  const files: UsedFile[] = [];
  for (const file of store.files()) {
    const use = useOf(file.path);
    if (use !== undefined) files.push({ ...file, ...use });
  }
  return files;
}
