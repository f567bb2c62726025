/**
 * Reads a layer's archive as its chunks pass by, without a promise for each entry: tens of thousands of small files are normal, and
 * whoever only looks on must not slow down the one who writes. What it reads is what `readLayerTar` reads.
 */
import { VarveError } from "#errors";
import { asBuffer } from "#util";
import { storedSize } from "./decode.ts";
import { decodeHeader, TYPE_AT } from "./decode-header.ts";
import { BLOCK_SIZE, padding, type TarEntry } from "./entry.ts";
import { ExtendedHeaders, isExtended, MAX_EXTENDED_SIZE } from "./extended.ts";
import { isSparse, sparseEntry, sparseFailure } from "./sparse.ts";

/** Gets the content of one entry. The pieces' memory is only lent. */
export interface ContentWatcher {
  /** Gets the next bytes; the first piece begins at the content's start. */
  piece(bytes: Uint8Array): void;
  /** Is told that there are no more. */
  end(): void;
}

export interface TarScannerOptions {
  /** Names the archive in errors. */
  readonly what: string;
  /** Gets each entry in its order, and may return who gets its content. Of a sparse file the content isn't told. */
  readonly onEntry: (entry: TarEntry) => ContentWatcher | undefined;
}

/** What the bytes are that come next. */
type Part =
  | { readonly kind: "header" }
  | { readonly kind: "padding" }
  | { readonly kind: "end" }
  | { readonly kind: "extended"; readonly type: string; readonly size: number }
  | { readonly kind: "content"; readonly watcher: ContentWatcher | undefined; readonly size: number };

const NOTHING = Buffer.alloc(0);

/** An archive that is pushed into it chunk by chunk. */
export class TarScanner {
  readonly #options: TarScannerOptions;
  readonly #extended: ExtendedHeaders;
  #part: Part = { kind: "header" };
  /** How many bytes of the part are still to come. */
  #left = BLOCK_SIZE;
  /** The beginning of a header whose end is in a later chunk. */
  #begun: Buffer = NOTHING;
  #position = 0;

  constructor(options: TarScannerOptions) {
    this.#options = options;
    this.#extended = new ExtendedHeaders(options.what);
  }

  /** How many of the archive's bytes have been read; while an entry is told, where its content begins. */
  get position(): number {
    return this.#position;
  }

  /**
   * Takes the next bytes.
   * @throws VarveError `INVALID_TAR`
   */
  push(chunk: Uint8Array): void {
    const bytes = asBuffer(chunk);
    let at = 0;
    while (at < bytes.length && this.#part.kind !== "end") {
      const piece = bytes.subarray(at, Math.min(bytes.length, at + this.#left));
      at += piece.length;
      this.#position += piece.length;
      this.#left -= piece.length;
      if (this.#part.kind === "content") this.#part.watcher?.piece(piece);
      else if (this.#part.kind !== "padding" && (this.#left > 0 || this.#begun.length > 0)) {
        this.#begun = Buffer.concat([this.#begun, piece]);
      }
      if (this.#left > 0) return;
      const whole = this.#begun.length > 0 ? this.#begun : piece;
      this.#begun = NOTHING;
      this.#done(whole);
    }
  }

  /**
   * To be called after the last bytes.
   * @throws VarveError `INVALID_TAR` for an archive that ends within a header or a content
   */
  finish(): void {
    const { kind } = this.#part;
    const isBetween = kind === "padding" || (kind === "header" && this.#left === BLOCK_SIZE);
    if (kind === "end" || isBetween) return;
    throw new VarveError("INVALID_TAR", `${this.#options.what} is cut short: its archive ends in the middle`);
  }

  /** A part has come to its end; so do those after it that have no bytes. */
  #done(bytes: Buffer): void {
    this.#finishPart(bytes);
    while (this.#left === 0 && this.#part.kind !== "end") this.#finishPart(NOTHING);
  }

  #finishPart(bytes: Buffer): void {
    const part = this.#part;
    switch (part.kind) {
      case "header":
        this.#header(bytes);
        break;
      case "padding":
        this.#begin({ kind: "header" }, BLOCK_SIZE);
        break;
      case "extended":
        this.#extended.take(part.type, bytes);
        this.#begin({ kind: "padding" }, padding(part.size));
        break;
      case "content":
        part.watcher?.end();
        this.#begin({ kind: "padding" }, padding(part.size));
    }
  }

  #begin(part: Part, left: number): void {
    this.#part = part;
    this.#left = left;
  }

  #header(block: Buffer): void {
    const { what, onEntry } = this.#options;
    if (block[0] === 0 && block.every((byte) => byte === 0)) {
      this.#begin({ kind: "end" }, 0);
      return;
    }
    const raw = decodeHeader(block, what);
    if (isExtended(raw)) {
      if (raw.size > MAX_EXTENDED_SIZE) {
        throw new VarveError("INVALID_TAR", `${what} has an extended header of ${raw.size} bytes`);
      }
      this.#begin({ kind: "extended", type: raw.type, size: raw.size }, raw.size);
      return;
    }
    const entry = this.#extended.entry(raw);
    if (entry.type === "S") throw sparseFailure(entry, what);
    const watcher = isSparse(entry) ? void onEntry(sparseEntry(entry)) : onEntry(entry);
    const size = storedSize(entry, block[TYPE_AT]!);
    this.#begin({ kind: "content", watcher, size }, size);
  }
}
