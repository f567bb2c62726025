import { createHash } from "node:crypto";
import { constants, zstdCompressSync } from "node:zlib";

/** How many characters are compressed at a time: there may be any number. */
const PART = 1024 * 1024;

/** Text that grows, compressed while it does: one zstd frame after the other. */
export class PackedText {
  readonly #level: number;
  readonly #frames: Buffer[] = [];
  #waiting: string[] = [];
  #characters = 0;
  #size = 0;

  /** @param level of zstd, 1 to 22 */
  constructor(level: number) {
    this.#level = level;
  }

  add(text: string): void {
    this.#waiting.push(text);
    this.#characters += text.length;
    if (this.#characters >= PART) this.#pack();
  }

  /** The frames, how many bytes they hold, and the frames' digest. */
  finish(): { readonly bytes: Buffer; readonly size: number; readonly digest: string } {
    if (this.#characters > 0 || this.#frames.length === 0) this.#pack();
    const bytes = Buffer.concat(this.#frames);
    const digest = `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
    return { bytes, size: this.#size, digest };
  }

  #pack(): void {
    const part = Buffer.from(this.#waiting.join(""));
    this.#size += part.length;
    const params = {
      [constants.ZSTD_c_compressionLevel]: this.#level,
      [constants.ZSTD_c_checksumFlag]: 1,
    };
    this.#frames.push(zstdCompressSync(part, { params }));
    this.#waiting = [];
    this.#characters = 0;
  }
}
