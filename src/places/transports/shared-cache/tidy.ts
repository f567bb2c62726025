/**
 * Keeps the segments of a shared cache few, so that reading takes few requests, whoever else writes at the same time.
 *
 * Registries have no way to replace something on condition that it hasn't changed: of two who put something under one name, one loses it.
 * So nobody ever puts anything under a name that somebody else could put something different under: a segment is named by its digest.
 * What a segment says can get lost in one way only, by its removal, and whoever removes a segment has put another one before that has
 * all its records and names it as replaced. That one may be gone by then, but only because a third is there that has its records and
 * names it, and so on. Since a name is a digest of what is named, names can't go in a circle, and the last in the row is there. That
 * holds whatever is done in between, by however many, and wherever one of them ends: one who is killed leaves a segment too many, and
 * no record too few. What `cache prune` leaves out is meant to be lost.
 */
import { randomInt } from "node:crypto";
import { encodeSegment, mergeRecords, type SharedRecord } from "#cache";
import { shortName } from "./names.ts";
import { bySize, type OpenSegments, openListed, readSegment, settled } from "./open.ts";
import type { SegmentName, SegmentStore } from "./store.ts";

/** How many segments a cache may have. */
const MAX_SEGMENTS = 8;

/** In bytes: segments that have no more together lie beside larger ones for as long as they are few. */
const SMALL = 32 * 1024;

/** A segment is made again when those that are smaller have this part of its size together: rarely, since it is read and sent for that. */
const PART = 1 / 8;

/** Where so many segments wait to be merged, their writers see to it that somebody does it before they go. */
const CROWD = 4;

/** In milliseconds: about what one of them takes for it. */
const PAUSE = 300;

/** How often the segments are looked at. */
const ATTEMPTS = 8;

export interface TidyOptions {
  /** In days since 1970. */
  readonly today: number;
  /** What the writer knows: the segment that it has put itself, and those that were there before. */
  readonly own?: { readonly segment: SegmentName; readonly before: readonly SegmentName[] } | undefined;
  readonly pause: (milliseconds: number) => Promise<void>;
  readonly onNote?: ((sentence: string) => void) | undefined;
}

/** Merges segments where there are too many. @throws VarveError whatever the store throws */
export async function tidy(store: SegmentStore, options: TidyOptions): Promise<void> {
  const { pause } = options;
  let own = options.own?.segment;
  const known = new Set([...(options.own?.before ?? []), ...(own === undefined ? [] : [own])].map(nameOf));
  for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
    const listed = (await store.list()).sort(bySize);
    // Their sizes stand in their names, so that nothing needs to be read of them as long as they are few.
    const many = toMerge(listed);
    if (many.length === 0) return;
    if (own !== undefined && !listed.every((segment) => known.has(nameOf(segment)))) {
      const names = many.map(({ digest }) => digest).sort();
      const rank = names.indexOf(own.digest);
      // Somebody has merged it, and goes on if need be.
      if (rank === -1) return;
      // Of several who come at once one does it, or a few, if that one doesn't. Were it all whose patience ends while a slow registry holds that
      // one up, each would put the same once more, and all that would have to be merged again. What is left waits for the next who comes.
      if (rank >= Math.ceil(attempt / 3)) {
        if (many.length <= CROWD) return;
        await pause(randomInt(PAUSE));
        continue;
      }
    }
    const open = await openListed(store, listed);
    const merged = toMerge(open.live);
    if (merged.length === 0) {
      await removeAll(store, open.replaced);
      return;
    }
    own = (await mergeSegments(store, merged, { ...options, open }))?.segment ?? own;
  }
}

function nameOf({ digest }: SegmentName): string {
  return digest;
}

/** Which of the segments, the largest first, are better made one: none, or at least two. */
export function toMerge<T extends { readonly size: number }>(segments: readonly T[]): readonly T[] {
  let behind = segments.reduce((sum, { size }) => sum + size, 0);
  for (const [at, { size }] of segments.entries()) {
    behind -= size;
    if (behind > Math.max(size * PART, SMALL)) return segments.slice(at);
  }
  if (segments.length <= MAX_SEGMENTS) return [];
  // Many small ones: those that are smallest, up to the one before which there is little else.
  return segments.slice(Math.min(segments.length - 2, MAX_SEGMENTS / 2));
}

interface MergeOptions extends Pick<TidyOptions, "today" | "onNote"> {
  readonly open: OpenSegments;
  /** Says which records stay; all do unless given. */
  readonly keep?: (records: readonly SharedRecord[]) => Promise<readonly SharedRecord[]>;
  /** Asked after that whether all have stayed: then a cache that is one segment, and nothing else, is left as it is. */
  readonly isSame?: () => boolean;
}

/** What became of segments that were made one. */
export interface MergedSegments {
  readonly records: readonly SharedRecord[];
  /** The one that has them; undefined if there was nothing to put. */
  readonly segment: SegmentName | undefined;
  /** False where the registry removes nothing. */
  readonly removed: boolean;
}

/**
 * Puts one segment with the records of several, and removes these.
 * @returns undefined if one of them is gone, which another writer has merged
 */
export async function mergeSegments(
  store: SegmentStore,
  segments: readonly SegmentName[],
  { open, today, onNote, keep, isSame }: MergeOptions,
): Promise<MergedSegments | undefined> {
  const read = await Promise.all(segments.map((segment) => readSegment(store, segment)));
  if (read.includes("missing")) return undefined;
  const lists = read.flatMap((segment) =>
    typeof segment === "string" ? [] : [settled(segment.records, today)],
  );
  const all = mergeRecords(lists);
  const records = await stillThere(store, keep === undefined ? all : await keep(all));
  // What has been replaced before and is still listed, since it can't be removed, is replaced by this one, too.
  const gone = [...segments, ...open.replaced, ...open.garbage];
  if (isSame?.() && segments.length === 1 && gone.length === 1) {
    return { records, segment: segments[0], removed: true };
  }
  let segment: SegmentName | undefined;
  if (records.length > 0) {
    const bytes = encodeSegment({ records, replaced: gone.map(({ digest }) => shortName(digest)) });
    const notes = records.filter(({ kind }) => kind === "base");
    segment = await store.put(bytes, uniqueNotes(notes));
  }
  const removed = await removeAll(store, gone);
  if (!removed) onNote?.(`${store.name} can't be tidied up, since its registry removes nothing`);
  return { records, segment, removed };
}

/** A manifest that names a blob which isn't there would be refused. */
async function stillThere(
  store: SegmentStore,
  records: readonly SharedRecord[],
): Promise<readonly SharedRecord[]> {
  const lost = new Set<SharedRecord>();
  for (const record of records) {
    if (record.kind === "base" && !(await store.hasNotes(record))) lost.add(record);
  }
  return lost.size === 0 ? records : records.filter((record) => !lost.has(record));
}

function uniqueNotes(records: readonly SegmentName[]): SegmentName[] {
  return [...new Map(records.map(({ digest, size }) => [digest, { digest, size }])).values()];
}

/** @returns whether the registry does that at all */
export async function removeAll(store: SegmentStore, segments: readonly SegmentName[]): Promise<boolean> {
  for (const segment of segments) {
    if (!(await store.remove(segment))) return false;
  }
  return true;
}
