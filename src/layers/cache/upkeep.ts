/** Keeps a cache small and sound, and tells what is in it. */
import type { EntryKind } from "./entry.ts";
import { isFarFrom, removeSmallFile } from "./files.ts";
import { type EntryFile, type EntryStore, type FileUse, useOf } from "./store.ts";

const DAY = 24 * 60 * 60 * 1000;

/** Entries that nobody has used for so long, in milliseconds, go. */
export const DEFAULT_MAX_AGE = 90 * DAY;

/** Enough for hundreds of images; each takes a block of the file system, mostly 4 KiB. */
export const DEFAULT_MAX_ENTRIES = 20_000;

/** Writing a file takes no time, so one that has been aside for so long, in milliseconds, was left there. */
const ASIDE_AGE = 60 * 1000;

/** Its time tells when the cache was last pruned. */
const MARKER = "pruned";

export interface PruneLimits {
  /** Entries that weren't used for more than so many milliseconds go; 90 days unless said. */
  readonly maxAge?: number;
  /** Of more entries than this those go that weren't used for longest; 20,000 unless said. */
  readonly maxEntries?: number;
}

export interface Pruned {
  readonly removed: number;
  readonly kept: number;
}

interface UsedFile extends EntryFile, FileUse {}

/**
 * Removes old entries, and files that were left aside. An entry from the future is new: a clock was set back.
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
 * Prunes a cache that this wasn't done to within a day, and marks it before: of several varves one does it.
 * @throws the system's error where marking fails; VarveError `UNREADABLE`
 */
export function pruneNowAndThen(store: EntryStore, now: number): void {
  const last = useOf(store.path(MARKER));
  if (last !== undefined && !isFarFrom(last.time, now)) return;
  store.writeMarker(MARKER, now);
  prune(store, { now });
}

/** What is in a cache. */
export interface CacheInfo {
  readonly folder: string;
  readonly entries: Readonly<Record<EntryKind, number>>;
  /** The space that the entries take, in bytes. */
  readonly bytes: number;
  /** The times of the longest and the least unused entry, in milliseconds since 1970; undefined without any entry. */
  readonly oldestUse: number | undefined;
  readonly newestUse: number | undefined;
}

/** @throws VarveError `UNREADABLE` */
export function describe(store: EntryStore, folder: string): CacheInfo {
  const files = usedFiles(store);
  const entries = { base: 0, blob: 0, layer: 0, tree: 0 };
  for (const { kind } of files) entries[kind]++;
  const times = files.map(({ time }) => time).sort((a, b) => a - b);
  return {
    folder,
    entries,
    bytes: files.reduce((sum, { bytes }) => sum + bytes, 0),
    oldestUse: times[0],
    newestUse: times.at(-1),
  };
}

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
