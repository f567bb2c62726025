/** Reads archives as PKWARE's APPNOTE.TXT has them, as far as OSV's are made so: files stored or deflated, any number of them. */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import { inflateRawSync } from "node:zlib";
import { readError, VarveError } from "#errors";

export interface ZipLimits {
  /** How many bytes a file may have; larger ones fail. */
  readonly maxFile: number;
  /** How many bytes the list of files may have. */
  readonly maxList: number;
}

const [END, END_64, LOCATOR_64, LISTED, FILE] = [0x06054b50, 0x06064b50, 0x07064b50, 0x02014b50, 0x04034b50];

/** The end has a comment of at most 64 KiB behind it, and that of large archives before it. */
const MAX_END = 22 + 0xffff + 20;

/**
 * The files in an archive, in its order.
 * @throws VarveError `NOT_FOUND`, `UNREADABLE`; `INVALID_JSON` for what isn't such an archive, `TOO_LARGE`
 */
export function* zipFiles(
  path: string,
  limits: ZipLimits,
): Generator<{ readonly name: string; readonly bytes: Buffer }, void, void> {
  const archive = new Archive(path);
  try {
    for (const entry of archive.list(limits)) {
      if (!entry.name.endsWith("/")) yield { name: entry.name, bytes: archive.content(entry, limits) };
    }
  } finally {
    archive.close();
  }
}

interface Entry {
  readonly name: string;
  readonly method: number;
  readonly stored: number;
  readonly size: number;
  readonly offset: number;
}

/** There may be some hundred thousand small files, so each is read at once and at a stretch. */
class Archive {
  readonly #file: number;
  readonly #path: string;

  constructor(path: string) {
    this.#path = path;
    try {
      this.#file = openSync(path, "r");
    } catch (error) {
      throw readError(path, error);
    }
  }

  close(): void {
    closeSync(this.#file);
  }

  list({ maxList }: ZipLimits): Entry[] {
    const { size } = fstatSync(this.#file);
    const start = Math.max(0, size - MAX_END);
    const tail = this.#read(start, size - start);
    const at = tail.lastIndexOf(signature(END));
    if (at < 0 || at + 22 > tail.length) throw this.#fault("it has no end");
    let [count, length, offset] = [
      tail.readUInt16LE(at + 10),
      tail.readUInt32LE(at + 12),
      tail.readUInt32LE(at + 16),
    ];
    if (at >= 20 && tail.readUInt32LE(at - 20) === LOCATOR_64) {
      const end = this.#read(Number(tail.readBigUInt64LE(at - 12)), 56);
      if (end.readUInt32LE(0) !== END_64) throw this.#fault("its end is damaged");
      [count, length, offset] = [32, 40, 48].map((field) => Number(end.readBigUInt64LE(field))) as [
        number,
        number,
        number,
      ];
    }
    if (length > maxList)
      throw new VarveError("TOO_LARGE", `${this.#path} lists more files than any real database has`);
    return this.#entries(this.#read(offset, length), count);
  }

  #entries(list: Buffer, count: number): Entry[] {
    const entries: Entry[] = [];
    for (let at = 0; entries.length < count; ) {
      if (at + 46 > list.length || list.readUInt32LE(at) !== LISTED) throw this.#fault("its list is damaged");
      const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
        list.readUInt16LE(at + field),
      );
      const nameEnd = at + 46 + nameLength!;
      const next = nameEnd + extraLength! + commentLength!;
      if (next > list.length) throw this.#fault("its list is damaged");
      const small = {
        stored: list.readUInt32LE(at + 20),
        size: list.readUInt32LE(at + 24),
        offset: list.readUInt32LE(at + 42),
      };
      entries.push({
        name: list.toString("utf8", at + 46, nameEnd),
        method: list.readUInt16LE(at + 10),
        ...large(small, list.subarray(nameEnd, nameEnd + extraLength!)),
      });
      at = next;
    }
    return entries;
  }

  content({ name, method, stored, size, offset }: Entry, { maxFile }: ZipLimits): Buffer {
    if (size > maxFile || stored > maxFile) {
      throw new VarveError("TOO_LARGE", `${name} in ${this.#path} has more than ${maxFile} bytes`);
    }
    const header = this.#read(offset, 30);
    if (header.readUInt32LE(0) !== FILE) throw this.#fault(`${name} isn't where its list says`);
    const bytes = this.#read(offset + 30 + header.readUInt16LE(26) + header.readUInt16LE(28), stored);
    if (method === 0) return bytes;
    if (method !== 8) throw this.#fault(`${name} is compressed in a way that isn't read`);
    try {
      return inflateRawSync(bytes, { maxOutputLength: Math.max(size, 1) });
    } catch {
      throw this.#fault(`${name} is damaged`);
    }
  }

  #read(position: number, length: number): Buffer {
    const buffer = Buffer.alloc(length);
    let bytesRead: number;
    try {
      bytesRead = readSync(this.#file, buffer, 0, length, position);
    } catch (error) {
      throw readError(this.#path, error);
    }
    if (bytesRead < length) throw this.#fault("it is cut short");
    return buffer;
  }

  #fault(what: string): VarveError {
    return new VarveError(
      "INVALID_JSON",
      `${this.#path} is no archive of advisories that can be read: ${what}`,
    );
  }
}

function signature(number: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(number);
  return bytes;
}

/** Numbers that are too large for the entry are in an extra field: section 4.5.3. */
function large<T extends Pick<Entry, "stored" | "size" | "offset">>(small: T, extra: Buffer): T {
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) !== 1) continue;
    let next = at + 4;
    const value = (own: number) => {
      if (own !== 0xffffffff || next + 8 > extra.length) return own;
      next += 8;
      return Number(extra.readBigUInt64LE(next - 8));
    };
    const size = value(small.size);
    const stored = value(small.stored);
    return { ...small, size, stored, offset: value(small.offset) };
  }
  return small;
}
