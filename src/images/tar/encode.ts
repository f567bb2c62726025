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
/** The magic and the version of POSIX's format. */
const MAGIC = "ustar\x0000";
/** Octal digits of the fields for modes and owners, and of those for size and time. */
const SHORT_DIGITS = 7;
const LONG_DIGITS = 11;
/** The first number that takes more digits, by how many digits there are. */
const LIMITS = Array.from({ length: LONG_DIGITS + 1 }, (_, digits) => 8 ** digits);

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
  const payload = recordsOf(entry, name);
  if (payload === undefined) {
    if (at + BLOCK_SIZE > target.length) return 0;
    writeBlock(entry, { name, target, at });
    return BLOCK_SIZE;
  }
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
  const payload = recordsOf(entry, nameInArchive(entry));
  if (payload === undefined) return BLOCK_SIZE;
  const { length } = payload;
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

/** The data of the extended header that an entry needs; undefined if its fields hold everything. */
function recordsOf(entry: TarEntry, name: string): string | Buffer | undefined {
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
  if (restFits) return nameFits ? undefined : bytesOf(encodeRecord("path", name));

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
  return records.size === 0 ? undefined : encodeRecords(records);
}

function textFits(text: string, length: number): boolean {
  return text.length <= length && isAscii(text);
}

function numberFits(value: number, digits: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < LIMITS[digits]!;
}

/** The pax records in their order. */
function encodeRecords(records: ReadonlyMap<string, string>): string | Buffer {
  let text = "";
  for (const [key, value] of records) text += encodeRecord(key, value);
  return bytesOf(text);
}

/** Records as they are written: a string where all of it is ASCII, which is nearly always. */
function bytesOf(text: string): string | Buffer {
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

/** A block with what is the same in all headers of an archive, and the sum of its bytes. */
interface Template {
  readonly of: Omit<TarEntry, "name" | "size">;
  readonly block: Buffer;
  readonly sum: number;
}

/** Those that were used last: of the archive's entries, and of their extended headers. */
let [template, other] = [templateOf(EXTENDED_HEADER), templateOf(EXTENDED_HEADER)];

function templateFor(entry: Template["of"]): Template {
  if (fits(template, entry)) return template;
  const found = fits(other, entry) ? other : templateOf(entry);
  other = template;
  template = found;
  return found;
}

function fits({ of }: Template, { uid, gid, mtime, uname, gname }: Template["of"]): boolean {
  const isOwned = of.uid === uid && of.gid === gid && of.uname === uname && of.gname === gname;
  return isOwned && of.mtime === mtime;
}

function templateOf(entry: Template["of"]): Template {
  const { uid, gid, mtime, uname, gname } = entry;
  const block = Buffer.alloc(BLOCK_SIZE);
  const sum =
    writeOctal(block, 108, uid, SHORT_DIGITS) +
    writeOctal(block, 116, gid, SHORT_DIGITS) +
    writeOctal(block, 136, mtime, LONG_DIGITS) +
    writeText(block, 257, MAGIC, MAGIC.length) +
    writeText(block, 265, uname, OWNER_LENGTH) +
    writeText(block, 297, gname, OWNER_LENGTH);
  return { of: entry, block, sum };
}

/** Writes one block, with as much of the entry as fits into its fields. */
function writeBlock(
  entry: TarEntry,
  { name, target, at }: { name: string; target: Buffer; at: number },
): void {
  const { type, mode, size, linkname } = entry;
  const { block, sum: sumOfRest } = templateFor(entry);
  target.set(block, at);
  // The checksum is the sum of all bytes, its own field counted as eight spaces.
  let sum = 8 * 0x20 + sumOfRest;
  sum += writeText(target, at, name, NAME_LENGTH);
  sum += writeOctal(target, at + 100, mode & 0o7777, SHORT_DIGITS);
  sum += writeOctal(target, at + 124, size, LONG_DIGITS);
  const flag = type.charCodeAt(0) & 0xff;
  target[at + 156] = flag;
  sum += flag;
  sum += writeText(target, at + 157, linkname, NAME_LENGTH);
  if (type === EntryType.characterDevice || type === EntryType.blockDevice) {
    sum += writeOctal(target, at + 329, entry.devmajor ?? 0, SHORT_DIGITS);
    sum += writeOctal(target, at + 337, entry.devminor ?? 0, SHORT_DIGITS);
  }
  writeOctal(target, at + 148, sum, 6);
  target[at + 155] = 0x20;
}

/** @returns the sum of the bytes that were written */
function writeText(target: Buffer, at: number, text: string | undefined, length: number): number {
  if (text === undefined) return 0;
  const end = Math.min(length, text.length);
  let sum = 0;
  // For texts this short a loop is faster than a native function.
  for (let index = 0; index < end; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) return writeText(target, at, text.replace(/[^\0-\x7f]/gu, "?"), length);
    target[at + index] = code;
    sum += code;
  }
  return sum;
}

/**
 * A number that doesn't fit is 0 here, and whole in a record.
 * @returns the sum of the bytes that were written
 */
function writeOctal(target: Buffer, at: number, value: number, digits: number): number {
  const whole = Number.isInteger(value) ? value : roundHalfEven(value);
  let rest = whole >= 0 && whole < LIMITS[digits]! ? whole : 0;
  let sum = 0x30 * digits;
  for (let index = at + digits - 1; index >= at; index--) {
    const digit = rest % 8;
    target[index] = 0x30 + digit;
    sum += digit;
    rest = (rest - digit) / 8;
  }
  return sum;
}

function roundHalfEven(value: number): number {
  const rounded = Math.round(value);
  return Math.abs(value % 1) === 0.5 && rounded % 2 !== 0 ? rounded - 1 : rounded;
}
