/**
 * Writes tar headers exactly as CPython's `tarfile` does in pax format, since dockerTools' layers are made with
 * it and their digests must not change. Where POSIX leaves a choice, this is what is chosen; the golden tests and the tests
 * against Python test that.
 */
import { encodeName, isAscii } from "#util";
import { BLOCK_SIZE, EntryType, padding, type TarEntry } from "./entry.ts";

/** `tarfile` fills its output up to whole records. */
export const RECORD_SIZE = 20 * BLOCK_SIZE;

const NAME_LENGTH = 100;
const OWNER_LENGTH = 32;
/** Where the last field ends that is ever written; the prefix isn't. */
const FIELDS_END = 345;
/** The magic and the version of POSIX's format. */
const MAGIC = "ustar\x0000";
/** Octal digits of the fields for modes and owners, and of those for size and time. */
const SHORT_DIGITS = 7;
const LONG_DIGITS = 11;

/** The header of an entry: one block, after a pax extended header where the fields can't hold everything. */
export function encodeHeader(entry: TarEntry): Buffer {
  for (let room = 4 * BLOCK_SIZE; ; room *= 4) {
    const target = Buffer.alloc(room);
    const length = writeHeader(entry, target, 0);
    if (length > 0) return target.subarray(0, length);
  }
}

/**
 * Writes an entry's header into `target`, which costs less than to make one: a layer has as many as it has files.
 * @returns how many bytes were written; 0, with nothing written, if there is too little room
 */
export function writeHeader(entry: TarEntry, target: Buffer, at: number): number {
  const name = nameInArchive(entry);
  const records = recordsOf(entry, name);
  if (records === undefined) {
    if (at + BLOCK_SIZE > target.length) return 0;
    writeBlock(entry, { name, target, at });
    return BLOCK_SIZE;
  }
  const payload = encodeRecords(records);
  const fill = padding(payload.length);
  const length = BLOCK_SIZE + payload.length + fill + BLOCK_SIZE;
  if (at + length > target.length) return 0;
  const payloadAt = at + BLOCK_SIZE;
  const end = payloadAt + payload.length;
  writeBlock({ ...EXTENDED_HEADER, size: payload.length }, { name: EXTENDED_HEADER.name, target, at });
  if (typeof payload === "string") target.write(payload, payloadAt, "latin1");
  else payload.copy(target, payloadAt);
  target.fill(0, end, end + fill);
  writeBlock(entry, { name, target, at: end + fill });
  return length;
}

/** How many bytes an entry's header has. */
export function headerLength(entry: TarEntry): number {
  const records = recordsOf(entry, nameInArchive(entry));
  if (records === undefined) return BLOCK_SIZE;
  const { length } = encodeRecords(records);
  return BLOCK_SIZE + length + padding(length) + BLOCK_SIZE;
}

/** A directory's name ends with a slash in the archive. */
function nameInArchive({ type, name }: TarEntry): string {
  return type === EntryType.directory && !name.endsWith("/") ? `${name}/` : name;
}

/**
 * What ends an archive of `size` bytes: two blocks of zeros, and more up to a whole record.
 * @param size the archive's length so far, in bytes
 */
export function endOfArchive(size: number): Buffer {
  const end = size + 2 * BLOCK_SIZE;
  return Buffer.alloc(Math.ceil(end / RECORD_SIZE) * RECORD_SIZE - size);
}

/** The pax records that an entry needs, in their order; undefined if its fields hold everything. */
function recordsOf(entry: TarEntry, name: string): Map<string, string> | undefined {
  const { linkname = "", uname = "", gname = "", uid, gid, size, mtime, pax } = entry;
  const nameFits = textFits(name, NAME_LENGTH);
  const restFits =
    pax === undefined &&
    textFits(linkname, NAME_LENGTH) &&
    textFits(uname, OWNER_LENGTH) &&
    textFits(gname, OWNER_LENGTH) &&
    numberFits(uid, SHORT_DIGITS) &&
    numberFits(gid, SHORT_DIGITS) &&
    numberFits(size, LONG_DIGITS) &&
    numberFits(mtime, LONG_DIGITS);
  if (restFits) return nameFits ? undefined : new Map([["path", name]]);

  const records = new Map(pax);
  // A record that is there already takes precedence.
  const note = (key: string, fitting: boolean, value: string | number) => {
    if (!fitting && !records.has(key)) records.set(key, String(value));
  };
  note("path", nameFits, name);
  note("linkpath", textFits(linkname, NAME_LENGTH), linkname);
  note("uname", textFits(uname, OWNER_LENGTH), uname);
  note("gname", textFits(gname, OWNER_LENGTH), gname);
  note("uid", numberFits(uid, SHORT_DIGITS), uid);
  note("gid", numberFits(gid, SHORT_DIGITS), gid);
  note("size", numberFits(size, LONG_DIGITS), size);
  note("mtime", numberFits(mtime, LONG_DIGITS), mtime);
  return records.size === 0 ? undefined : records;
}

function textFits(text: string, length: number): boolean {
  return text.length <= length && isAscii(text);
}

function numberFits(value: number, digits: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < 8 ** digits;
}

/** The data of an extended header: as a string where all of it is ASCII, which is nearly always. */
function encodeRecords(records: ReadonlyMap<string, string>): string | Buffer {
  let text = "";
  for (const [key, value] of records) text += encodeRecord(key, value);
  if (isAscii(text)) return text;
  // Declared once, so that a reader doesn't take bytes that aren't UTF-8 for damaged UTF-8.
  return encodeName(text.isWellFormed() ? text : `21 hdrcharset=BINARY\n${text}`);
}

/** A record starts with its own length in bytes, the digits of the length counted too. */
function encodeRecord(key: string, value: string): string {
  const body = ` ${key}=${value}\n`;
  const bytes = isAscii(body) ? body.length : encodeName(body).length;
  let length = bytes;
  while (length !== bytes + String(length).length) length = bytes + String(length).length;
  return `${length}${body}`;
}

const EXTENDED_HEADER = {
  name: "././@PaxHeader",
  type: "x",
  mode: 0,
  uid: 0,
  gid: 0,
  mtime: 0,
} as const;

/** Writes one block, with as much of the entry as fits into its fields. */
function writeBlock(
  entry: TarEntry,
  { name, target, at }: { name: string; target: Buffer; at: number },
): void {
  target.fill(0, at, at + BLOCK_SIZE);
  writeText(target, at, name, NAME_LENGTH);
  writeOctal(target, at + 100, entry.mode & 0o7777, SHORT_DIGITS);
  writeOctal(target, at + 108, entry.uid, SHORT_DIGITS);
  writeOctal(target, at + 116, entry.gid, SHORT_DIGITS);
  writeOctal(target, at + 124, entry.size, LONG_DIGITS);
  writeOctal(target, at + 136, entry.mtime, LONG_DIGITS);
  target[at + 156] = entry.type.charCodeAt(0);
  writeText(target, at + 157, entry.linkname, NAME_LENGTH);
  writeText(target, at + 257, MAGIC, MAGIC.length);
  writeText(target, at + 265, entry.uname, OWNER_LENGTH);
  writeText(target, at + 297, entry.gname, OWNER_LENGTH);
  if (entry.type === EntryType.characterDevice || entry.type === EntryType.blockDevice) {
    writeOctal(target, at + 329, entry.devmajor ?? 0, SHORT_DIGITS);
    writeOctal(target, at + 337, entry.devminor ?? 0, SHORT_DIGITS);
  }
  // The checksum is the sum of all bytes, its own field counted as eight spaces. After the fields there are zeros.
  let sum = 8 * 0x20;
  for (let byte = at; byte < at + FIELDS_END; byte++) sum += target[byte]!;
  writeOctal(target, at + 148, sum, 6);
  target[at + 155] = 0x20;
}

function writeText(target: Buffer, at: number, text: string | undefined, length: number): void {
  if (text === undefined || text === "") return;
  const ascii = isAscii(text) ? text : text.replace(/[^\0-\x7f]/gu, "?");
  const end = Math.min(length, ascii.length);
  // For texts this short a loop is faster than a native function.
  for (let index = 0; index < end; index++) target[at + index] = ascii.charCodeAt(index);
}

/** A number that doesn't fit is 0 here, and whole in a record. */
function writeOctal(target: Buffer, at: number, value: number, digits: number): void {
  const whole = roundHalfEven(value);
  let rest = whole >= 0 && whole < 8 ** digits ? whole : 0;
  for (let index = at + digits - 1; index >= at; index--) {
    target[index] = 0x30 + (rest % 8);
    rest = Math.floor(rest / 8);
  }
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
