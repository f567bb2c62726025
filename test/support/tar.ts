/** Tar archives for tests: written field by field, so that they may be wrong, and read from memory. */

import { BLOCK_SIZE, padding, readTar, type TarEntry, type TarInput, type TarMember } from "#tar";

/** What a header says, where it isn't what {@link header} says by itself. */
export interface RawHeader {
  readonly type?: string;
  readonly size?: number;
  /** The size field's twelve bytes, in place of `size`. */
  readonly sizeField?: string | Buffer;
  readonly linkname?: string;
  readonly prefix?: string;
  /** The eight bytes of magic and version; POSIX's unless said. */
  readonly magic?: string;
}

/** A header block with a checksum that is right. Texts are Latin-1. */
export function header(name: string, fields: RawHeader = {}): Buffer {
  const { type = "0", size = 0, linkname = "", prefix = "", magic = "ustar\x0000" } = fields;
  const block = Buffer.alloc(BLOCK_SIZE);
  block.write(name, 0, 100, "latin1");
  block.write("0000644\x000000000\x000000000\0", 100, "latin1");
  const sizeField = fields.sizeField ?? `${size.toString(8).padStart(11, "0")}\0`;
  block.set(typeof sizeField === "string" ? Buffer.from(sizeField, "latin1") : sizeField, 124);
  block.write("00000000000\0", 136, "latin1");
  block.write(type, 156, "latin1");
  block.write(linkname, 157, 100, "latin1");
  block.write(magic, 257, 8, "latin1");
  block.write(prefix, 345, 155, "latin1");
  return withChecksum(block);
}

/** Makes a header's checksum right. */
export function withChecksum(block: Buffer): Buffer {
  block.write("        ", 148, "latin1");
  const sum = block.reduce((total, byte) => total + byte, 0);
  block.write(`${sum.toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return block;
}

/** Content, filled up to whole blocks. */
export function blocks(content: string | Buffer): Buffer {
  const bytes = Buffer.from(content);
  return Buffer.concat([bytes, Buffer.alloc(padding(bytes.length))]);
}

/** A pax record, with the length that it should have. */
export function record(key: string, value: string): string {
  const body = Buffer.byteLength(` ${key}=${value}\n`);
  let length = body;
  while (length !== body + String(length).length) length = body + String(length).length;
  return `${length} ${key}=${value}\n`;
}

/** A pax extended header; `g` makes it a global one. */
export function pax(records: Record<string, string> | string, type = "x"): Buffer {
  const text =
    typeof records === "string"
      ? records
      : Object.entries(records)
          .map(([key, value]) => record(key, value))
          .join("");
  return Buffer.concat([header("././@PaxHeader", { type, size: Buffer.byteLength(text) }), blocks(text)]);
}

/** GNU's header for a long name (`L`) or a long link (`K`). */
export function gnuLong(type: "L" | "K", name: string): Buffer {
  const size = Buffer.byteLength(name) + 1;
  return Buffer.concat([header("././@LongLink", { type, size, magic: "ustar  \0" }), blocks(`${name}\0`)]);
}

export const END = Buffer.alloc(2 * BLOCK_SIZE);

/** An archive in memory, as the reader takes it. */
export function memoryInput(archive: Buffer): TarInput {
  let position = 0;
  return {
    async read(length) {
      const bytes = archive.subarray(position, position + length);
      position += bytes.length;
      return bytes;
    },
    async skip(length) {
      position += length;
      return position <= archive.length;
    },
  };
}

/** All members of an archive in memory. */
export async function members(archive: Buffer): Promise<TarMember[]> {
  const found: TarMember[] = [];
  for await (const { entry, offset } of readTar(memoryInput(archive), "the archive"))
    found.push({ entry, offset });
  return found;
}

export async function names(archive: Buffer): Promise<string[]> {
  return (await members(archive)).map(({ entry }) => entry.name);
}

/** An entry with all its fields, and its pax records as a list: what can be compared. */
export function comparable(entry: TarEntry): object {
  return { ...entry, pax: [...(entry.pax ?? [])] };
}
