/** An ELF file whose bytes pass by once, front to back, and of which only what matters is kept. */
import { asBuffer } from "#util";
import type { Bytes, Elf, Range } from "./elf.ts";
import { readElf, readFront, wantedRanges } from "./read.ts";

/** As many bytes as tell where the first segment ends, in any usual file. */
const FIRST_LOOK = 4096;

/**
 * In bytes: more is kept neither of the front nor of a range further on. Linkers put the names of libraries and versions into the
 * first segment, but say where only in the dynamic section, which comes later; so of large files the front is kept until then.
 */
const MOST = 8 * 1024 * 1024;

/** Memory for the front of one file after the other: new memory for each would stay until it is collected. */
let spare: Buffer | undefined;

interface Kept extends Range {
  readonly bytes: Buffer;
}

/** Gets an ELF file piece by piece. */
export class PassingElf implements Bytes {
  readonly #size: number;
  /** Room for the front, and how much of it is filled. */
  #front: Buffer = Buffer.alloc(0);
  #filled = 0;
  /** Whether that is its own memory, and not a piece's. */
  #isOwn = false;
  #frontEnd = FIRST_LOOK;
  readonly #kept: Kept[] = [];
  readonly #looked = new Set<string>();
  #at = 0;

  constructor(size: number) {
    this.#size = size;
  }

  piece(bytes: Uint8Array): void {
    const start = this.#at;
    this.#at += bytes.length;
    const piece = asBuffer(bytes);
    // A file in one piece needn't be copied: it is read at its end, before the memory is used for something else.
    if (start === 0 && bytes.length === this.#size) {
      this.#front = piece;
      this.#filled = piece.length;
      return;
    }
    this.#keepFront(piece);
    for (const kept of this.#kept) copy(piece, start, kept);
    // What has just been completed may lead on.
    while (this.#want(piece, start));
  }

  /** What the file is; undefined for a broken one. */
  finish(options: { readonly isAddon?: boolean } = {}): Elf | undefined {
    const elf = readElf(this, { size: this.#size, ...options });
    // Texts were copied out of it.
    if (this.#isOwn) giveBack(this.#front);
    this.#front = Buffer.alloc(0);
    return elf;
  }

  get({ start, end }: Range): Buffer | undefined {
    const last = Math.min(end, this.#size);
    if (start > last) return undefined;
    if (last <= this.#filled) return this.#front.subarray(start, last);
    const kept = this.#kept.find((range) => range.start <= start && last <= range.end && last <= this.#at);
    return kept?.bytes.subarray(start - kept.start, last - kept.start);
  }

  #keepFront(piece: Buffer): void {
    const start = this.#at - piece.length;
    if (start !== this.#filled || this.#filled >= this.#frontEnd) return;
    let added = this.#grow(piece.subarray(0, this.#frontEnd - start));
    if (this.#frontEnd !== FIRST_LOOK || this.#filled < FIRST_LOOK) return;
    // Now the first segment's end is known.
    this.#frontEnd = Math.min(MOST, Math.max(FIRST_LOOK + 1, readFront(this) ?? MOST));
    added += this.#grow(piece.subarray(added, this.#frontEnd - start));
  }

  #grow(bytes: Buffer): number {
    const length = this.#filled + bytes.length;
    if (length > this.#front.length) {
      const wanted = Math.min(this.#frontEnd, Math.max(length, 2 * this.#front.length));
      const room = spare !== undefined && spare.length >= wanted ? spare : Buffer.allocUnsafeSlow(wanted);
      if (room === spare) spare = undefined;
      this.#front.copy(room, 0, 0, this.#filled);
      giveBack(this.#front);
      this.#front = room;
      this.#isOwn = true;
    }
    bytes.copy(this.#front, this.#filled);
    this.#filled = length;
    return bytes.length;
  }

  /** Makes room for what is wanted and still comes, if there is anything new. */
  #want(piece: Buffer, start: number): boolean {
    if (this.#filled < Math.min(FIRST_LOOK, this.#size)) return false;
    let isNew = false;
    for (const range of wantedRanges(this)) {
      const name = `${range.start} ${range.end}`;
      const end = Math.min(range.end, this.#size);
      if (this.#looked.has(name)) continue;
      this.#looked.add(name);
      const isHere = end <= this.#filled || (range.start < this.#filled && end <= this.#frontEnd);
      if (isHere || range.start < start || end - range.start > MOST || end < range.start) continue;
      const kept = { start: range.start, end, bytes: Buffer.alloc(end - range.start) };
      this.#kept.push(kept);
      copy(piece, start, kept);
      isNew = true;
    }
    return isNew;
  }
}

function giveBack(room: Buffer): void {
  if (room.length > (spare?.length ?? 0)) spare = room;
}

function copy(piece: Buffer, start: number, kept: Kept): void {
  const first = Math.max(kept.start, start);
  const last = Math.min(kept.end, start + piece.length);
  if (first < last) piece.copy(kept.bytes, first - kept.start, first - start, last - start);
}
