/** Reads the fields of one header block: POSIX.1-2017, pax, "ustar Interchange Format"; and GNU tar's numbers. */
import { VarveError } from "#errors";
import { asBuffer, decodeName } from "#util";
import { BLOCK_SIZE, EntryType, type TarEntry } from "./entry.ts";

/** Where the type flag is in a header. */
export const TYPE_AT = 156;

/**
 * The entry that a header block describes, without what extended headers say of it.
 * @param what names the archive in errors
 * @throws VarveError `INVALID_TAR`
 */
export function decodeHeader(block: Uint8Array, what: string): TarEntry {
  const bytes = asBuffer(block);
  const text = (at: number, length: number) =>
    bytes[at] === 0 ? "" : untilNul(bytes.subarray(at, at + length));
  const number = (at: number, length: number) =>
    octal(bytes, at, length) ?? decodeNumber(bytes.subarray(at, at + length), what);
  checkSum(bytes, number(148, 8), what);
  let type = String.fromCharCode(bytes[TYPE_AT]!);
  let name = text(0, 100);
  if (type === "\0") type = name.endsWith("/") ? EntryType.directory : "\0";
  const isFolder = type === EntryType.directory;
  // Only POSIX's format has a prefix; older ones have nothing there, and GNU's has times.
  const prefix =
    bytes.toString("latin1", 257, 263) === "ustar\0" && !"LK".includes(type) ? text(345, 155) : "";
  // A folder's name of a hundred bytes is a prefix with nothing behind it.
  if (prefix !== "") name = `${prefix}/${name}`;
  return {
    name: isFolder ? withoutSlashes(name) : name,
    type,
    mode: number(100, 8),
    uid: number(108, 8),
    gid: number(116, 8),
    size: octal(bytes, 124, 12) ?? decodeSize(bytes.subarray(124, 136), what),
    mtime: number(136, 12),
    linkname: text(157, 100),
    uname: text(265, 32),
    gname: text(297, 32),
    devmajor: number(329, 8),
    devminor: number(337, 8),
  };
}

function checkSum(block: Buffer, expected: number, what: string): void {
  let unsigned = 0;
  let high = 0;
  for (let at = 0; at < BLOCK_SIZE; at++) {
    unsigned += block[at]!;
    high += block[at]! >> 7;
  }
  // The sum's own field counts as spaces.
  for (let at = 148; at < 156; at++) {
    unsigned += 0x20 - block[at]!;
    high -= block[at]! >> 7;
  }
  // Old archivers summed signed bytes.
  if (expected !== unsigned && expected !== unsigned - 256 * high) {
    throw new VarveError(
      "INVALID_TAR",
      `${what} is not a tar archive, or is damaged: a header's checksum is wrong`,
    );
  }
}

/**
 * What nearly all fields are, octal digits up to a NUL or the end, read without making anything, since there are six in each of very
 * many headers; undefined for any other.
 */
function octal(bytes: Uint8Array, start: number, length: number): number | undefined {
  let value = 0;
  let at = start;
  for (; at < start + length; at++) {
    const digit = bytes[at]! - 0x30;
    if (digit < 0 || digit > 7) break;
    value = value * 8 + digit;
  }
  const isWhole = at === start + length || bytes[at] === 0;
  return at > start && isWhole ? value : undefined;
}

/** Octal digits, or GNU's base 256: a first byte of 0x80 (positive) or 0xff (negative), then big-endian bytes. */
function decodeNumber(field: Buffer, what: string): number {
  const first = field[0]!;
  if (first === 0x80 || first === 0xff) {
    let value = 0n;
    for (const byte of field.subarray(1)) value = (value << 8n) | BigInt(byte);
    const number = Number(first === 0xff ? value - (1n << BigInt(8 * (field.length - 1))) : value);
    if (Number.isSafeInteger(number)) return number;
  } else {
    const digits = untilNul(field).trim();
    if (/^[0-7]*$/.test(digits)) return digits === "" ? 0 : Number.parseInt(digits, 8);
  }
  throw new VarveError(
    "INVALID_TAR",
    `${what} is not a tar archive, or is damaged: a header's number is malformed`,
  );
}

/** The size decides where the next header is, so it is read as GNU tar reads it, and nothing strange is passed. */
function decodeSize(field: Buffer, what: string): number {
  const start = field[0] === 0 ? 1 : 0;
  const size = decodeNumber(field.subarray(start), what);
  if (size < 0 || field.every((byte) => byte === 0x20)) {
    throw new VarveError("INVALID_TAR", `${what} is damaged: a header's size is negative or blank`);
  }
  return size;
}

/** A field's text: up to its first NUL. */
export function untilNul(field: Uint8Array): string {
  const end = field.indexOf(0);
  return decodeName(end === -1 ? field : field.subarray(0, end));
}

/** A name without slashes at its end. */
export function withoutSlashes(name: string): string {
  let end = name.length;
  while (name[end - 1] === "/") end--;
  return name.slice(0, end);
}
