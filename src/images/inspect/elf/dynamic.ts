/** An ELF file's dynamic section: System V ABI, "Dynamic Section"; and where it leads. */
import type { Bytes, NeededVersions, Range } from "./elf.ts";
import { type ElfHeader, Numbers, placeOf, type Segment, Segments } from "./header.ts";

const Tag = {
  needed: 1,
  strings: 5,
  stringsSize: 10,
  soname: 14,
  rpath: 15,
  runpath: 29,
  flags1: 0x6ffffffb,
  versions: 0x6ffffffc,
  versionsCount: 0x6ffffffd,
  neededVersions: 0x6ffffffe,
  neededVersionsCount: 0x6fffffff,
} as const;

const NO_DEFAULT_FOLDERS = 0x800;

/** More bytes than the tables of versions of any library take. */
const VERSIONS_ROOM = 256 * 1024;

/** `VER_FLG_WEAK`. */
const WEAK = 2;

/** What the dynamic section says, before anything is read that it leads to. */
export interface Dynamic {
  readonly needed: readonly number[];
  readonly soname: number | undefined;
  readonly rpath: number | undefined;
  readonly runpath: number | undefined;
  readonly noDefaultFolders: boolean;
  readonly strings: Range | undefined;
  readonly neededVersions: (Range & { readonly count: number }) | undefined;
  readonly versions: (Range & { readonly count: number }) | undefined;
}

/** The dynamic section; `none` for a file without one, undefined if it isn't at hand. */
export function readDynamic(
  bytes: Bytes,
  { header, segments }: { header: ElfHeader; segments: readonly Segment[] },
): Dynamic | "none" | undefined {
  const segment = segments.find(({ type }) => type === Segments.dynamic);
  if (segment === undefined) return "none";
  const table = bytes.get(segment);
  if (table === undefined || table.length < segment.end - segment.start) return undefined;
  const numbers = new Numbers(header);
  const size = header.bits / 8;
  const needed: number[] = [];
  const values = new Map<number, number>();
  for (let at = 0; at + 2 * size <= table.length; at += 2 * size) {
    const tag = numbers.address(table, at);
    if (tag === 0) break;
    const value = numbers.address(table, at + size);
    if (tag === Tag.needed) needed.push(value);
    else values.set(tag, value);
  }
  const place = (tag: number, length: number): Range | undefined => {
    const address = values.get(tag);
    const found = address === undefined ? undefined : placeOf(segments, address);
    return found && { start: found.start, end: Math.min(found.end, found.start + length) };
  };
  const versionTable = (tag: number, countTag: number) => {
    const found = place(tag, VERSIONS_ROOM);
    return found && { ...found, count: values.get(countTag) ?? 0 };
  };
  return {
    needed,
    soname: values.get(Tag.soname),
    rpath: values.get(Tag.rpath),
    runpath: values.get(Tag.runpath),
    noDefaultFolders: ((values.get(Tag.flags1) ?? 0) & NO_DEFAULT_FOLDERS) !== 0,
    strings: place(Tag.strings, values.get(Tag.stringsSize) ?? 0),
    neededVersions: versionTable(Tag.neededVersions, Tag.neededVersionsCount),
    versions: versionTable(Tag.versions, Tag.versionsCount),
  };
}

/** The text at a place of the string table; undefined if it has none there. */
export type TextAt = (offset: number) => string | undefined;

interface Chain {
  /** Where the first record is. */
  readonly start: number;
  /** How many records there are at most. */
  readonly count: number;
  /** How long a record is. Its last word says how far on the next one is, or 0. */
  readonly length: number;
  readonly numbers: Numbers;
}

/** Where the records are of a chain in a table of versions. */
function* chained(table: Buffer, { start, count, length, numbers }: Chain): Generator<number, void, void> {
  for (let at = start, left = count; left > 0 && at + length <= table.length; left--) {
    yield at;
    const next = numbers.word(table, at + length - 4);
    if (next === 0) return;
    at += next;
  }
}

/** What is needed of other libraries' versions. */
export function readNeededVersions(
  table: Buffer,
  { count, numbers, text }: { count: number; numbers: Numbers; text: TextAt },
): NeededVersions[] {
  const found: NeededVersions[] = [];
  for (const at of chained(table, { start: 0, count, length: 16, numbers })) {
    const file = text(numbers.word(table, at + 4));
    const versions: string[] = [];
    const own = { start: at + numbers.word(table, at + 8), count: numbers.half(table, at + 2) };
    for (const aux of chained(table, { ...own, length: 16, numbers })) {
      const name = text(numbers.word(table, aux + 8));
      if (name !== undefined && (numbers.half(table, aux + 4) & WEAK) === 0) versions.push(name);
    }
    if (file !== undefined) found.push({ file, versions });
  }
  return found;
}

/** The versions that a library has. */
export function readVersions(
  table: Buffer,
  { count, numbers, text }: { count: number; numbers: Numbers; text: TextAt },
): string[] {
  const found: string[] = [];
  for (const at of chained(table, { start: 0, count, length: 20, numbers })) {
    const aux = at + numbers.word(table, at + 12);
    const name = aux + 8 <= table.length ? text(numbers.word(table, aux)) : undefined;
    if (name !== undefined) found.push(name);
  }
  return found;
}
