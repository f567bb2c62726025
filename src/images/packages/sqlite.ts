/**
 * Reads a table out of an SQLite database in memory: "Database File Format" of SQLite, sections 1.3 (header), 1.6 (b-tree pages)
 * and 2.1 (records). Node's own SQLite opens files only, and is native code that would be given what strangers made.
 */

/** A value of a row: a number, a text or bytes, of which the latter two come as bytes. */
export type SqliteValue = number | Buffer | null;

const MAGIC = "SQLite format 3\0";
const [LEAF, INTERIOR] = [0x0d, 0x05];

/** No table of a sound file is deeper. */
const MAX_DEPTH = 32;

/**
 * The rows of a table. A database that is damaged gives fewer, or none.
 * @param name the table's name
 */
export function* rowsOf(file: Buffer, name: string): Generator<readonly SqliteValue[], void, void> {
  if (file.length < 512 || file.toString("latin1", 0, MAGIC.length) !== MAGIC) return;
  const database = new Database(file);
  for (const [type, label, , root] of database.rows(1)) {
    if (!Buffer.isBuffer(type) || !Buffer.isBuffer(label) || typeof root !== "number") continue;
    if (type.toString() !== "table" || label.toString() !== name) continue;
    yield* database.rows(root);
    return;
  }
}

class Database {
  readonly #file: Buffer;
  readonly #pageSize: number;
  /** Bytes of a page that are used. */
  readonly #usable: number;
  /** Bytes of rows that may still be read: rows that overflow to the same pages would be any number of them. */
  #left: number;

  constructor(file: Buffer) {
    this.#file = file;
    this.#left = 2 * file.length;
    const size = file.readUInt16BE(16);
    this.#pageSize = size === 1 ? 65536 : size;
    this.#usable = this.#pageSize - file[20]!;
  }

  *rows(root: number): Generator<readonly SqliteValue[], void, void> {
    const seen = new Set<number>();
    yield* this.#page(root, { seen, depth: 0 });
  }

  /** A page comes once: one that leads to itself has no end. */
  *#page(
    number: number,
    { seen, depth }: { readonly seen: Set<number>; readonly depth: number },
  ): Generator<readonly SqliteValue[], void, void> {
    const page = this.#at(number);
    if (page === undefined || seen.has(number) || depth > MAX_DEPTH) return;
    seen.add(number);
    const start = number === 1 ? 100 : 0;
    const type = page[start];
    const count = page.readUInt16BE(start + 3);
    const cells = start + (type === INTERIOR ? 12 : 8);
    for (let cell = 0; cell < count && cells + 2 * cell + 2 <= page.length; cell++) {
      const at = page.readUInt16BE(cells + 2 * cell);
      if (at + 4 > page.length) continue;
      if (type === INTERIOR) yield* this.#page(page.readUInt32BE(at), { seen, depth: depth + 1 });
      else if (type === LEAF) {
        const payload = this.#payload(page, at);
        const row = payload && valuesOf(payload);
        if (row !== undefined) yield row;
      }
    }
    if (type === INTERIOR) yield* this.#page(page.readUInt32BE(start + 8), { seen, depth: depth + 1 });
  }

  #at(number: number): Buffer | undefined {
    const start = (number - 1) * this.#pageSize;
    if (number < 1 || this.#pageSize < 512 || start + this.#pageSize > this.#file.length) return undefined;
    return this.#file.subarray(start, start + this.#pageSize);
  }

  /** A row's record, put together from its page and those that it overflows to. */
  #payload(page: Buffer, at: number): Buffer | undefined {
    const [length, afterLength] = varint(page, at);
    const [, from] = varint(page, afterLength);
    this.#left -= length;
    if (this.#left < 0) return undefined;
    const most = this.#usable - 35;
    if (length <= most) return page.subarray(from, from + length);
    const least = Math.floor(((this.#usable - 12) * 32) / 255) - 23;
    const wanted = least + ((length - least) % (this.#usable - 4));
    const local = wanted <= most ? wanted : least;
    if (from + local + 4 > page.length) return undefined;
    const parts = [page.subarray(from, from + local)];
    let left = length - local;
    let next = page.readUInt32BE(from + local);
    while (left > 0) {
      const overflow = this.#at(next);
      if (overflow === undefined) return undefined;
      const part = overflow.subarray(4, 4 + Math.min(left, this.#usable - 4));
      if (part.length === 0) return undefined;
      parts.push(part);
      left -= part.length;
      next = overflow.readUInt32BE(0);
    }
    return Buffer.concat(parts);
  }
}

/** A record's values: a header of their types, then what they are. */
function valuesOf(record: Buffer): SqliteValue[] | undefined {
  const [headerLength, first] = varint(record, 0);
  const values: SqliteValue[] = [];
  let content = headerLength;
  for (let at = first; at < Math.min(headerLength, record.length); ) {
    const [type, next] = varint(record, at);
    at = next;
    const length = lengthOf(type);
    if (content + length > record.length) return undefined;
    const bytes = record.subarray(content, content + length);
    content += length;
    if (type >= 12) values.push(bytes);
    else if (type === 8 || type === 9) values.push(type - 8);
    else if (type >= 1 && type <= 6)
      values.push(length <= 6 ? bytes.readIntBE(0, length) : Number(bytes.readBigInt64BE()));
    else values.push(null);
  }
  return values;
}

const LENGTHS = [0, 1, 2, 3, 4, 6, 8, 8, 0, 0, 0, 0];

function lengthOf(type: number): number {
  return LENGTHS[type] ?? Math.floor((type - 12) / 2);
}

/** A number of up to nine bytes, seven bits in each; and where what follows begins. What is cut short is 0 at the end. */
function varint(bytes: Buffer, start: number): [value: number, next: number] {
  let value = 0;
  for (let at = start; at < start + 9; at++) {
    const byte = bytes[at] ?? 0;
    value = value * 128 + (byte & 0x7f);
    if (byte < 0x80) return [value, at + 1];
  }
  return [value, start + 9];
}
