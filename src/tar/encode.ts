/**
 * Writes tar headers exactly as CPython's `tarfile` does in pax format, since dockerTools' layers are made with
 * it and their digests must not change. Where POSIX leaves a choice, that is the choice; the golden tests and the
 * tests against Python hold it fast.
 */
import { encodeName, isAscii } from "../util/index.ts";
import { BLOCK_SIZE, EntryType, padding, type TarEntry } from "./entry.ts";

/** `tarfile` fills its output up to whole records. */
export const RECORD_SIZE = 20 * BLOCK_SIZE;

const NAME_LENGTH = 100;
const OWNER_LENGTH = 32;
/** Octal digits of the fields for modes and owners, and of those for size and time. */
const SHORT_DIGITS = 7;
const LONG_DIGITS = 11;

/** The header of an entry: one block, after a pax extended header where the fields can't hold everything. */
export function encodeHeader(entry: TarEntry): Buffer {
  const plain = Buffer.alloc(BLOCK_SIZE);
  if (encodePlainHeader(entry, plain, 0)) return plain;
  const name = nameInHeader(entry);
  const records = new Map(entry.pax);
  noteText(records, { key: "path", value: name, length: NAME_LENGTH });
  noteText(records, { key: "linkpath", value: entry.linkname ?? "", length: NAME_LENGTH });
  noteText(records, { key: "uname", value: entry.uname ?? "", length: OWNER_LENGTH });
  noteText(records, { key: "gname", value: entry.gname ?? "", length: OWNER_LENGTH });
  const fields: HeaderFields = {
    name,
    type: entry.type,
    mode: entry.mode,
    uid: noteNumber(records, { key: "uid", value: entry.uid, digits: SHORT_DIGITS }),
    gid: noteNumber(records, { key: "gid", value: entry.gid, digits: SHORT_DIGITS }),
    size: noteNumber(records, { key: "size", value: entry.size, digits: LONG_DIGITS }),
    mtime: noteNumber(records, { key: "mtime", value: entry.mtime, digits: LONG_DIGITS }),
    linkname: entry.linkname ?? "",
    uname: entry.uname ?? "",
    gname: entry.gname ?? "",
    devmajor: entry.devmajor ?? 0,
    devminor: entry.devminor ?? 0,
  };
  return Buffer.concat([encodeExtendedHeader(records), encodeBlock(fields)]);
}

/**
 * Writes the header of an entry whose fields one block holds into `target`, as almost all of a layer's are.
 * @returns false, with nothing written, for an entry that needs a pax extended header
 */
export function encodePlainHeader(entry: TarEntry, target: Buffer, at: number): boolean {
  const name = nameInHeader(entry);
  const linkname = entry.linkname ?? "";
  const uname = entry.uname ?? "";
  const gname = entry.gname ?? "";
  const fits =
    entry.pax === undefined &&
    textFits(name, NAME_LENGTH) &&
    textFits(linkname, NAME_LENGTH) &&
    textFits(uname, OWNER_LENGTH) &&
    textFits(gname, OWNER_LENGTH) &&
    numberFits(entry.uid, SHORT_DIGITS) &&
    numberFits(entry.gid, SHORT_DIGITS) &&
    numberFits(entry.size, LONG_DIGITS) &&
    numberFits(entry.mtime, LONG_DIGITS);
  if (!fits) return false;
  const { devmajor = 0, devminor = 0 } = entry;
  writeBlock(
    { ...entry, name, linkname, uname, gname, devmajor, devminor },
    target.subarray(at, at + BLOCK_SIZE),
  );
  return true;
}

/** A directory's name ends with a slash in the archive. */
function nameInHeader({ name, type }: TarEntry): string {
  return type === EntryType.directory && !name.endsWith("/") ? `${name}/` : name;
}

function textFits(text: string, length: number): boolean {
  return text.length <= length && isAscii(text);
}

function numberFits(value: number, digits: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 8 ** digits;
}

/**
 * What ends an archive of `size` bytes: two blocks of zeros, and more up to a whole record.
 * @param size the archive's length so far, in bytes
 */
export function endOfArchive(size: number): Buffer {
  const end = size + 2 * BLOCK_SIZE;
  return Buffer.alloc(Math.ceil(end / RECORD_SIZE) * RECORD_SIZE - size);
}

/** A text that doesn't fit its field, or isn't ASCII, goes into a record, unless there is one. */
function noteText(records: Map<string, string>, field: { key: string; value: string; length: number }): void {
  if (records.has(field.key)) return;
  if (!textFits(field.value, field.length)) records.set(field.key, field.value);
}

/** What the header's field holds for a number: 0 if only a record can hold it. */
function noteNumber(
  records: Map<string, string>,
  field: { key: string; value: number; digits: number },
): number {
  const whole = roundHalfEven(field.value);
  const fits = whole >= 0 && whole < 8 ** field.digits;
  if (!(fits && whole === field.value) && !records.has(field.key)) {
    records.set(field.key, String(field.value));
  }
  return fits ? whole : 0;
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}

function encodeExtendedHeader(records: ReadonlyMap<string, string>): Buffer {
  const parts: Buffer[] = [];
  // Told once, so that a reader doesn't take bytes which aren't UTF-8 for damaged UTF-8.
  if ([...records.values()].some((value) => !value.isWellFormed())) {
    parts.push(Buffer.from("21 hdrcharset=BINARY\n"));
  }
  for (const [key, value] of records) parts.push(encodeRecord(key, value));
  const size = parts.reduce((sum, part) => sum + part.length, 0);
  const header = encodeBlock({ ...EXTENDED_HEADER, size });
  return Buffer.concat([header, ...parts, Buffer.alloc(padding(size))]);
}

/** A record starts with its own length in bytes, the digits of the length counted too. */
function encodeRecord(key: string, value: string): Buffer {
  const body = Buffer.concat([Buffer.from(` ${key}=`), encodeName(value), Buffer.from("\n")]);
  let length = body.length;
  while (length !== body.length + String(length).length) length = body.length + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), body]);
}

type HeaderFields = Required<Omit<TarEntry, "pax">>;

const EXTENDED_HEADER: HeaderFields = {
  name: "././@PaxHeader",
  type: "x",
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtime: 0,
  linkname: "",
  uname: "",
  gname: "",
  devmajor: 0,
  devminor: 0,
};

function encodeBlock(fields: HeaderFields): Buffer {
  const block = Buffer.alloc(BLOCK_SIZE);
  writeBlock(fields, block);
  return block;
}

function writeBlock(fields: HeaderFields, block: Buffer): void {
  block.fill(0);
  writeText(block, 0, NAME_LENGTH, fields.name);
  writeOctal(block, 100, 7, fields.mode & 0o7777);
  writeOctal(block, 108, 7, fields.uid);
  writeOctal(block, 116, 7, fields.gid);
  writeOctal(block, 124, 11, fields.size);
  writeOctal(block, 136, 11, fields.mtime);
  block.write(fields.type, 156, 1, "latin1");
  writeText(block, 157, NAME_LENGTH, fields.linkname);
  block.write("ustar\x0000", 257, 8, "latin1");
  writeText(block, 265, OWNER_LENGTH, fields.uname);
  writeText(block, 297, OWNER_LENGTH, fields.gname);
  if (fields.type === EntryType.characterDevice || fields.type === EntryType.blockDevice) {
    writeOctal(block, 329, 7, fields.devmajor);
    writeOctal(block, 337, 7, fields.devminor);
  }
  // The checksum is the sum of all bytes, its own field counted as eight spaces.
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK_SIZE; at++) sum += block[at]!;
  writeOctal(block, 148, 6, sum);
  block[155] = 0x20;
}

function writeText(block: Buffer, at: number, length: number, text: string): void {
  if (text === "") return;
  const ascii = isAscii(text) ? text : text.replace(/[^\0-\x7f]/gu, "?");
  block.write(ascii, at, Math.min(length, ascii.length), "latin1");
}

function writeOctal(block: Buffer, at: number, digits: number, value: number): void {
  block.write(value.toString(8).padStart(digits, "0"), at, digits, "latin1");
}
