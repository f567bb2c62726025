/**
 * All of an archive but its files' contents, so that it can be put together again from unpacked files, byte by byte: the
 * format of tar-split, a JSON object a line.
 */
import { encodeName } from "#util";
import { Crc64 } from "./crc64.ts";
import type { PackedText } from "./packed-text.ts";

const [FILE, SEGMENT] = [1, 2];

/** Writes down an archive in its order: the bytes up to the end of a header, then the entry, again and again. */
export class TarSplit {
  readonly #text: PackedText;
  #raw: Uint8Array[] = [];
  #sum: Crc64 | undefined;
  #position = 0;

  constructor(text: PackedText) {
    this.#text = text;
  }

  /** Takes bytes that are no file's content. */
  raw(bytes: Uint8Array): void {
    this.#raw.push(Uint8Array.from(bytes));
  }

  /** A header has come to its end. Returns all bytes since the last entry's content, its padding among them. */
  header(): Buffer {
    const bytes = Buffer.concat(this.#raw);
    this.#raw = [];
    this.#line({ type: SEGMENT, payload: bytes.toString("base64") });
    return bytes;
  }

  /** Takes bytes of the content that follows the header. */
  content(bytes: Uint8Array): void {
    this.#sum ??= new Crc64();
    this.#sum.update(bytes);
  }

  /** The entry's content, if it has any, has come to its end. */
  entry(name: string, size: number): void {
    this.#line({
      type: FILE,
      ...(name.isWellFormed() ? { name } : { name_raw: encodeName(name).toString("base64") }),
      ...(size > 0 && { size }),
      payload: this.#sum?.digest().toString("base64") ?? null,
    });
    this.#sum = undefined;
  }

  /** The archive has come to its end. */
  finish(): void {
    if (this.#raw.length > 0) this.header();
  }

  #line(line: object): void {
    this.#text.add(`${JSON.stringify({ ...line, position: this.#position++ })}\n`);
  }
}
