/**
 * A part of a shared cache: records in the order of their keys, and a table that says where each of them would be, so that a few
 * can be read out of many without the rest.
 *
 * `varvec2\n`, the number of records (u32), bits (u8), 0 (u8), the number of segments that this one replaces (u16); for each of the
 * 2^bits ranges of keys how many records it has (u16); what is replaced, 16 bytes of digests; the records, of 56 bytes. Integers have
 * their lowest byte first. Nothing is compressed: keys and digests have no more order than dice.
 */
import { type Digest, parseDigest } from "#oci";

/** What a shared cache says. A key has its first 16 digits here, which is enough for what is checked before it is believed. */
export interface SharedRecord {
  /** Of a layer or of a base; a blob is under its layer's, so that both are found together. */
  readonly key: string;
  readonly kind: "layer" | "blob" | "base";
  /** Of a blob, 16 digits of its own key; of what isn't one, 16 zeros. */
  readonly sub: string;
  /** A layer's diff ID, a blob's digest, or the digest of the notes about a base as they are stored. */
  readonly digest: Digest;
  /** In bytes: of the layer's archive, of the blob, or of the notes as they are stored. */
  readonly size: number;
  /** When somebody last used it, in days since 1970. */
  readonly day: number;
}

/** What {@link SharedRecord} has of a key. */
export const KEY_DIGITS = 16;

/** The `sub` of a record that isn't a blob's. */
export const NO_SUB = "0".repeat(KEY_DIGITS);

/** In bytes: of one record. */
export const RECORD_SIZE = 56;

/** In bytes: nothing that is larger has a record. */
export const MAX_SIZE = 2 ** 40 - 1;

const MAGIC = Buffer.from("varvec2\n", "latin1");
const FIXED = 16;
const REPLACED_SIZE = 16;

/** More than a fleet of a million images has, see docs/scale.md. */
export const MAX_RECORDS = 1_000_000;
const MAX_REPLACED = 65_535;
const MAX_IN_RANGE = 65_535;
const MAX_BITS = 16;

/** How many records a range has about, at most: as many as cost no more to read than a request's headers. */
const RANGE_RECORDS = 8;

/** In bytes: no segment is larger. */
export const MAX_SEGMENT =
  FIXED + 2 ** MAX_BITS * 2 + MAX_REPLACED * REPLACED_SIZE + MAX_RECORDS * RECORD_SIZE;

const KINDS = ["layer", "blob", "base"] as const;

/** Records, and the segments whose records are all among them. */
export interface Segment {
  readonly records: readonly SharedRecord[];
  /** The first 32 digits of their digests. */
  readonly replaced: readonly string[];
}

/** What stands before the records. */
export interface SegmentHead {
  readonly count: number;
  readonly replaced: readonly string[];
  /** Where in the segment those records are, from one byte to before another, whose keys begin as this one does. */
  rangeOf(key: string): { readonly from: number; readonly to: number };
}

/** The name of a record within a cache: two of the same name say something of the same thing. */
export function recordName({ key, kind, sub }: Pick<SharedRecord, "key" | "kind" | "sub">): string {
  return `${key}${KINDS.indexOf(kind)}${sub}`;
}

/**
 * Records of several segments in order, one of each name: the one that was used last, and of several such the one with the greater
 * digest. So merging gives the same whatever is merged with what first, and again.
 */
export function mergeRecords(lists: Iterable<Iterable<SharedRecord>>): SharedRecord[] {
  const merged = new Map<string, SharedRecord>();
  for (const records of lists) {
    for (const record of records) {
      const name = recordName(record);
      const other = merged.get(name);
      if (other === undefined || isAfter(record, other)) merged.set(name, record);
    }
  }
  return [...merged].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, record]) => record);
}

/** Whether a record is taken rather than another of the same name. */
export function isAfter(a: SharedRecord, b: SharedRecord): boolean {
  if (a.day !== b.day) return a.day > b.day;
  return a.digest === b.digest ? a.size > b.size : a.digest > b.digest;
}

/** Writes records, in whatever order they come; of more than {@link MAX_RECORDS} those that were used last. */
export function encodeSegment({ records, replaced }: Segment): Uint8Array {
  const named = [...replaced].sort().slice(0, MAX_REPLACED);
  const all = mergeRecords([records]);
  const merged = all.length <= MAX_RECORDS ? all : mergeRecords([usedLast(all, MAX_RECORDS)]);
  const counts = new Uint16Array(2 ** bitsFor(merged.length));
  const bits = Math.log2(counts.length);
  const kept: SharedRecord[] = [];
  for (const record of merged) {
    const at = rangeIndex(record.key, bits);
    if (counts[at] === MAX_IN_RANGE) continue;
    counts[at]!++;
    kept.push(record);
  }
  const start = startOf(bits, named.length);
  const bytes = Buffer.alloc(start + kept.length * RECORD_SIZE);
  MAGIC.copy(bytes);
  bytes.writeUInt32LE(kept.length, 8);
  bytes.writeUInt8(bits, 12);
  bytes.writeUInt16LE(named.length, 14);
  for (const [at, count] of counts.entries()) bytes.writeUInt16LE(count, FIXED + at * 2);
  const names = FIXED + counts.length * 2;
  for (const [at, name] of named.entries())
    bytes.write(name, names + at * REPLACED_SIZE, REPLACED_SIZE, "hex");
  for (const [at, record] of kept.entries()) writeRecord(bytes, start + at * RECORD_SIZE, record);
  return bytes;
}

/** So many records, those that were used last, and of those of a day the first by name. */
export function usedLast(records: readonly SharedRecord[], count: number): SharedRecord[] {
  // Sorting keeps those of one day in their order.
  return [...records].sort((a, b) => b.day - a.day).slice(0, count);
}

/** Reads a whole segment; undefined for anything that {@link encodeSegment} didn't write. */
export function decodeSegment(bytes: Uint8Array): Segment | undefined {
  const head = decodeHead(bytes, bytes.length);
  if (head === undefined || typeof head === "number") return undefined;
  const records = decodeRecords(bytes.subarray(bytes.length - head.count * RECORD_SIZE));
  if (records === undefined) return undefined;
  const names = records.map(recordName);
  const isOrdered = names.every((name, at) => at === 0 || names[at - 1]! < name);
  const start = bytes.length - head.count * RECORD_SIZE;
  const isInPlace = records.every(({ key }, at) => {
    const { from, to } = head.rangeOf(key);
    const place = start + at * RECORD_SIZE;
    return from <= place && place < to;
  });
  return isOrdered && isInPlace ? { records, replaced: head.replaced } : undefined;
}

/** How many bytes of a segment of this size its head has, if it replaces few others. */
export function likelyHead(size: number): number {
  return Math.min(size, startOf(bitsFor(Math.floor(size / RECORD_SIZE)), 32));
}

/**
 * Reads the head of a segment from its first bytes.
 * @returns how many bytes it takes, if these are too few; undefined for anything that isn't the head of a segment of this size
 */
export function decodeHead(first: Uint8Array, size: number): SegmentHead | number | undefined {
  const bytes = Buffer.from(first.buffer, first.byteOffset, first.length);
  if (bytes.length < FIXED || !bytes.subarray(0, MAGIC.length).equals(MAGIC)) return undefined;
  const count = bytes.readUInt32LE(8);
  const bits = bytes.readUInt8(12);
  const named = bytes.readUInt16LE(14);
  if (count > MAX_RECORDS || bits > MAX_BITS) return undefined;
  const start = startOf(bits, named);
  if (size !== start + count * RECORD_SIZE) return undefined;
  if (bytes.length < start) return start;
  const ends = new Uint32Array(2 ** bits);
  let end = 0;
  for (let at = 0; at < ends.length; at++) {
    end += bytes.readUInt16LE(FIXED + at * 2);
    ends[at] = end;
  }
  if (end !== count) return undefined;
  const names = FIXED + ends.length * 2;
  const replaced = Array.from({ length: named }, (_, at) =>
    bytes.toString("hex", names + at * REPLACED_SIZE, names + (at + 1) * REPLACED_SIZE),
  );
  const place = (at: number) => start + (at < 0 ? 0 : ends[at]!) * RECORD_SIZE;
  return {
    count,
    replaced,
    rangeOf(key) {
      const at = rangeIndex(key, bits);
      return { from: place(at - 1), to: place(at) };
    },
  };
}

/** Reads records that stand one after the other; undefined if one of them is none. */
export function decodeRecords(part: Uint8Array): SharedRecord[] | undefined {
  const bytes = Buffer.from(part.buffer, part.byteOffset, part.length);
  if (bytes.length % RECORD_SIZE !== 0) return undefined;
  const records: SharedRecord[] = [];
  for (let at = 0; at < bytes.length; at += RECORD_SIZE) {
    const kind = KINDS[bytes[at + 8]!];
    const sub = bytes.toString("hex", at + 9, at + 17);
    if (kind === undefined || (kind !== "blob" && sub !== NO_SUB)) return undefined;
    records.push({
      key: bytes.toString("hex", at, at + 8),
      kind,
      sub,
      digest: parseDigest(`sha256:${bytes.toString("hex", at + 17, at + 49)}`, "a shared cache"),
      size: bytes.readUIntLE(at + 49, 5),
      day: bytes.readUInt16LE(at + 54),
    });
  }
  return records;
}

function writeRecord(bytes: Buffer, at: number, { key, kind, sub, digest, size, day }: SharedRecord): void {
  bytes.write(key, at, 8, "hex");
  bytes[at + 8] = KINDS.indexOf(kind);
  bytes.write(sub, at + 9, 8, "hex");
  bytes.write(digest.slice("sha256:".length), at + 17, 32, "hex");
  bytes.writeUIntLE(size, at + 49, 5);
  bytes.writeUInt16LE(day, at + 54);
}

function startOf(bits: number, named: number): number {
  return FIXED + 2 ** bits * 2 + named * REPLACED_SIZE;
}

function bitsFor(count: number): number {
  return Math.min(MAX_BITS, Math.ceil(Math.log2(Math.max(1, count / RANGE_RECORDS))));
}

/** In which of 2^bits ranges a key is. */
function rangeIndex(key: string, bits: number): number {
  return Number.parseInt(key.slice(0, 4), 16) >>> (16 - bits);
}
