/** Where zstd frames begin and end: RFC 8878, section 3.1. */
import { VarveError } from "#errors";

const MAGIC = 0xfd2fb528;
const SKIPPABLE_MAGIC = 0x184d2a50;
const RLE_BLOCK = 1;
const RESERVED_BLOCK = 3;

/**
 * Passes zstd's bytes on, cut where a frame ends, and checks that the stream consists of whole frames only. Node's decoder
 * doesn't check that: some versions stop after the first frame, others accept a stream that is cut short, and all ignore
 * what follows.
 * @param what names the bytes in errors
 * @throws VarveError `INVALID_IMAGE`
 */
export async function* wholeZstdFrames(
  chunks: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array, void, void> {
  const scanner = new FrameScanner(what);
  for await (const chunk of chunks) {
    let start = 0;
    for (let at = 0; at < chunk.length; ) {
      at += scanner.take(chunk.subarray(at));
      if (scanner.betweenFrames) {
        yield chunk.subarray(start, at);
        start = at;
      }
    }
    if (start < chunk.length) yield chunk.subarray(start);
  }
  scanner.end();
}

type Part = "magic" | "skippable" | "descriptor" | "block";

/** Follows the structure without looking into blocks. */
class FrameScanner {
  readonly #what: string;
  #part: Part = "magic";
  /** The small field that is being collected, and how long it is. */
  readonly #field = Buffer.alloc(4);
  #filled = 0;
  #wanted = 4;
  /** Bytes to pass over before the next field. */
  #skip = 0;
  #checksum = false;
  #frames = 0;

  constructor(what: string) {
    this.#what = what;
  }

  get betweenFrames(): boolean {
    return this.#part === "magic" && this.#filled === 0 && this.#skip === 0;
  }

  /** Takes some of the bytes, at most up to a frame's end, and returns how many. */
  take(bytes: Uint8Array): number {
    let at = 0;
    while (at < bytes.length) {
      const passed = Math.min(this.#skip, bytes.length - at);
      this.#skip -= passed;
      at += passed;
      if (this.#skip > 0 || (passed > 0 && this.betweenFrames)) break;
      while (this.#filled < this.#wanted && at < bytes.length) this.#field[this.#filled++] = bytes[at++]!;
      if (this.#filled === this.#wanted) this.#read();
      if (this.betweenFrames) break;
    }
    return at;
  }

  end(): void {
    if (this.#frames === 0 || !this.betweenFrames) {
      throw new VarveError("INVALID_IMAGE", `${this.#what} is cut short: its zstd stream ends in mid-frame`);
    }
  }

  /** Reads the collected field, and decides what comes next. */
  #read(): void {
    const value = this.#field.readUIntLE(0, this.#wanted);
    switch (this.#part) {
      case "magic":
        if (value === MAGIC) this.#expect("descriptor", 1);
        else if ((value & 0xfffffff0) >>> 0 === SKIPPABLE_MAGIC) this.#expect("skippable", 4);
        else throw this.#damaged("what follows a frame is none");
        break;
      case "skippable":
        this.#endFrame(value);
        break;
      case "descriptor": {
        const single = (value & 0x20) !== 0;
        const sizeLength = [single ? 1 : 0, 2, 4, 8][value >> 6]!;
        const dictionaryLength = [0, 1, 2, 4][value & 3]!;
        this.#checksum = (value & 4) !== 0;
        this.#expect("block", 3, sizeLength + dictionaryLength + (single ? 0 : 1));
        break;
      }
      case "block": {
        const kind = (value >> 1) & 3;
        if (kind === RESERVED_BLOCK) throw this.#damaged("a block is of no kind there is");
        const length = kind === RLE_BLOCK ? 1 : value >> 3;
        if ((value & 1) === 0) this.#expect("block", 3, length);
        else this.#endFrame(length + (this.#checksum ? 4 : 0));
        break;
      }
    }
  }

  #expect(part: Part, length: number, skip = 0): void {
    this.#part = part;
    this.#wanted = length;
    this.#filled = 0;
    this.#skip = skip;
  }

  /** The frame is over when `rest` more bytes have passed. */
  #endFrame(rest: number): void {
    this.#frames++;
    this.#expect("magic", 4, rest);
  }

  #damaged(reason: string): VarveError {
    return new VarveError("INVALID_IMAGE", `${this.#what} is damaged: in its zstd stream ${reason}`);
  }
}
