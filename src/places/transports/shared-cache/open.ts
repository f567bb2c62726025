/** The segments of a shared cache that say something, and looking records up in them without reading more than is needed. */
import {
  decodeHead,
  decodeRecords,
  decodeSegment,
  likelyHead,
  MAX_SEGMENT,
  mergeRecords,
  type Segment,
  type SegmentHead,
  type SharedRecord,
} from "#cache";
import { shortName } from "./names.ts";
import type { SegmentName, SegmentStore } from "./store.ts";

/** In bytes: a smaller segment is read whole, which costs less than asking for parts of it. */
const WHOLE = 16 * 1024;

/** In bytes: parts that are nearer to each other are read as one, since a request costs about as much. */
const GAP = 512;

/** In bytes: where there are more for one key, they were made so. */
const MAX_PART = 64 * 1024;

/** How many requests are made at the same time. */
const AT_ONCE = 16;

/** How many segments are looked into, the largest first. Writers keep to fewer, and what is in others is unknown. */
const MAX_OPEN = 64;

/** A segment that was looked into. */
export interface OpenSegment extends SegmentName {
  readonly head: SegmentHead;
  /** All of its bytes, if they were read. */
  readonly whole?: Uint8Array;
}

/** What a cache has. */
export interface OpenSegments {
  /** Those whose records count, the largest first. */
  readonly live: readonly OpenSegment[];
  /** Those whose records are all in one of these. */
  readonly replaced: readonly SegmentName[];
  /** Those that nobody wrote who keeps to the form. */
  readonly garbage: readonly SegmentName[];
  /** Those that are listed, and couldn't be read. */
  readonly missing: readonly SegmentName[];
}

/** Lists a cache's segments and reads their heads. @throws VarveError whatever the store throws */
export async function openSegments(store: SegmentStore): Promise<OpenSegments> {
  return await openListed(store, await store.list());
}

/** Reads the heads of segments that were listed. @throws VarveError whatever the store throws */
export async function openListed(store: SegmentStore, listed: readonly SegmentName[]): Promise<OpenSegments> {
  let waiting = [...listed].sort(bySize);
  const live: OpenSegment[] = [];
  const replaced: SegmentName[] = [];
  const garbage: SegmentName[] = [];
  const missing: SegmentName[] = [];
  while (waiting.length > 0 && live.length < MAX_OPEN) {
    const batch = waiting.slice(0, AT_ONCE);
    const found = await Promise.all(batch.map((segment) => openSegment(store, segment)));
    for (const [at, segment] of batch.entries()) {
      const open = found[at]!;
      if (open === "garbage") garbage.push(segment);
      else if (open === "missing") missing.push(segment);
      else live.push(open);
    }
    // Whoever replaces others is larger than they are, and was looked into before them or with them.
    const gone = new Set(live.flatMap(({ head }) => head.replaced));
    const isGone = ({ digest }: SegmentName) => gone.has(shortName(digest));
    waiting = waiting.slice(batch.length);
    replaced.push(...live.filter(isGone), ...waiting.filter(isGone));
    waiting = waiting.filter((segment) => !isGone(segment));
    live.splice(0, live.length, ...live.filter((segment) => !isGone(segment)));
  }
  return { live, replaced, garbage, missing };
}

/** The largest first; the order of names between those of one size. */
export function bySize(a: SegmentName, b: SegmentName): number {
  return b.size - a.size || (a.digest < b.digest ? -1 : 1);
}

async function openSegment(
  store: SegmentStore,
  segment: SegmentName,
): Promise<OpenSegment | "garbage" | "missing"> {
  const { size } = segment;
  if (size > MAX_SEGMENT) return "garbage";
  let wanted = size <= WHOLE ? size : likelyHead(size);
  for (;;) {
    const part =
      wanted === size
        ? await store.read(segment).then((bytes) => bytes && { from: 0, bytes })
        : await store.readPart(segment, { from: 0, to: wanted });
    if (part === undefined) return "missing";
    const { bytes } = part;
    const head = decodeHead(bytes, size);
    if (head === undefined) return "garbage";
    if (typeof head === "number") {
      wanted = head;
      continue;
    }
    return bytes.length < size ? { ...segment, head } : { ...segment, head, whole: bytes };
  }
}

/** All of a segment; `garbage` for what isn't one, `missing` for what can't be read. */
export async function readSegment(
  store: SegmentStore,
  segment: SegmentName & Partial<Pick<OpenSegment, "whole">>,
): Promise<Segment | "garbage" | "missing"> {
  const bytes = segment.whole ?? (await store.read(segment));
  return bytes === undefined ? "missing" : (decodeSegment(bytes) ?? "garbage");
}

/** What was found of some keys. */
export interface Found {
  readonly records: readonly SharedRecord[];
  /** Segments that were there before, and aren't now, so that something may be missing. */
  readonly missing: number;
  /** Parts of segments that can't be read. */
  readonly broken: number;
}

/**
 * Looks records up by their keys.
 * @param today - in days since 1970: who says to have used something later counts last
 * @throws VarveError whatever the store throws
 */
export async function lookUp(
  store: SegmentStore,
  { live }: OpenSegments,
  { keys, today }: { readonly keys: readonly string[]; readonly today: number },
): Promise<Found> {
  const wanted = new Set(keys);
  const records: SharedRecord[][] = [];
  let missing = 0;
  let broken = 0;
  const decode = (bytes: Uint8Array) => {
    const found = decodeRecords(bytes);
    if (found === undefined) broken++;
    else records.push(found.filter(({ key }) => wanted.has(key)));
  };
  const work = live.flatMap((segment) => {
    const { parts, tooLong } = partsOf(segment.head, wanted);
    broken += tooLong;
    const { whole } = segment;
    if (whole !== undefined) {
      for (const { from, to } of parts) decode(whole.subarray(from, to));
      return [];
    }
    return parts.map((part) => async () => {
      const read = await store.readPart(segment, part);
      if (read === undefined) missing++;
      else decode(read.bytes.subarray(part.from - read.from, part.to - read.from));
    });
  });
  await sideBySide(work);
  return { records: mergeRecords(records.map((found) => settled(found, today))), missing, broken };
}

interface Part {
  from: number;
  to: number;
}

/** Which parts of a segment may have keys. */
function partsOf(head: SegmentHead, keys: Iterable<string>): { parts: readonly Part[]; tooLong: number } {
  const ranges = Array.from(keys, (key) => head.rangeOf(key)).filter(({ from, to }) => to > from);
  const read = ranges.filter(({ from, to }) => to - from <= MAX_PART).sort((a, b) => a.from - b.from);
  const parts: Part[] = [];
  for (const { from, to } of read) {
    const last = parts.at(-1);
    if (last !== undefined && from - last.to <= GAP) last.to = Math.max(last.to, to);
    else parts.push({ from, to });
  }
  return { parts, tooLong: ranges.length - read.length };
}

/** Records whose day is yet to come, as if nobody had used them: else who lies about that would always have the last word. */
export function settled(records: readonly SharedRecord[], today: number): SharedRecord[] {
  return records.map((record) => (record.day > today + 1 ? { ...record, day: 0 } : record));
}

async function sideBySide(work: readonly (() => Promise<void>)[]): Promise<void> {
  let next = 0;
  const run = async () => {
    while (next < work.length) await work[next++]!();
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, work.length) }, run));
}
