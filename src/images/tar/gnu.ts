/**
 * Writes tar headers as GNU tar does in its own format, which is what it writes unless told otherwise, since nixpkgs packs customisation
 * layers with it and their digests are in the image. The tests compare it with GNU tar.
 */
import { encodeName } from "#util";
import { BLOCK_SIZE, EntryType, padding, type TarEntry } from "./entry.ts";

const NAME_LENGTH = 100;
const OWNER_LENGTH = 32;
const MAGIC = "ustar  \0";
const CHECKSUM_AT = 148;

/** Names of the entries that hold a text which is too long for its field. */
const LONG_LINK = "././@LongLink";
const LONG_NAME_TYPE = "L";
const LONG_TARGET_TYPE = "K";

/**
 * An entry's header: one block, after blocks with its target and its name where they are too long.
 * @param entry without pax records, for which this format has no place
 */
export function encodeGnuHeader(entry: TarEntry): Buffer {
  const { type, name, linkname = "" } = entry;
  const path = encodeName(type === EntryType.directory && !name.endsWith("/") ? `${name}/` : name);
  const target = encodeName(linkname);
  return Buffer.concat([
    ...(target.length > NAME_LENGTH ? longText(LONG_TARGET_TYPE, target) : []),
    ...(path.length > NAME_LENGTH ? longText(LONG_NAME_TYPE, path) : []),
    block(entry, path, target),
  ]);
}

function longText(type: string, text: Buffer): Buffer[] {
  const size = text.length + 1;
  const entry = { type, name: LONG_LINK, mode: 0o644, uid: 0, gid: 0, size, mtime: 0 };
  return [block(entry, Buffer.from(LONG_LINK), Buffer.alloc(0)), text, Buffer.alloc(1 + padding(size))];
}

function block(entry: TarEntry, name: Buffer, target: Buffer): Buffer {
  const { type, mode, uid, gid, size, mtime, uname = "", gname = "", devmajor = 0, devminor = 0 } = entry;
  const bytes = Buffer.alloc(BLOCK_SIZE);
  name.copy(bytes, 0, 0, NAME_LENGTH);
  writeNumber(bytes, { at: 100, length: 8 }, mode & 0o7777);
  writeNumber(bytes, { at: 108, length: 8 }, uid);
  writeNumber(bytes, { at: 116, length: 8 }, gid);
  writeNumber(bytes, { at: 124, length: 12 }, size);
  writeNumber(bytes, { at: 136, length: 12 }, mtime);
  bytes.write(type, 156, 1, "latin1");
  target.copy(bytes, 157, 0, NAME_LENGTH);
  bytes.write(MAGIC, 257, "latin1");
  encodeName(uname).copy(bytes, 265, 0, OWNER_LENGTH - 1);
  encodeName(gname).copy(bytes, 297, 0, OWNER_LENGTH - 1);
  if (type === EntryType.characterDevice || type === EntryType.blockDevice) {
    writeNumber(bytes, { at: 329, length: 8 }, devmajor);
    writeNumber(bytes, { at: 337, length: 8 }, devminor);
  }
  // The sum of all bytes, the field itself counted as spaces.
  bytes.fill(" ", CHECKSUM_AT, CHECKSUM_AT + 8);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, CHECKSUM_AT, "latin1");
  return bytes;
}

/** A number in octal digits with a NUL after them, or, if it is too large for that, in binary with the highest bit set. */
function writeNumber(bytes: Buffer, { at, length }: { at: number; length: number }, value: number): void {
  const digits = Math.floor(value)
    .toString(8)
    .padStart(length - 1, "0");
  if (value >= 0 && digits.length < length) {
    bytes.write(`${digits}\0`, at, "latin1");
    return;
  }
  let rest = BigInt.asUintN(8 * length, BigInt(Math.floor(value)));
  for (let index = at + length - 1; index >= at; index--) {
    bytes[index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  bytes[at]! |= 0x80;
}
