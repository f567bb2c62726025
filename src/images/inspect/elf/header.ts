/** An ELF file's header and its program headers. */
import type { Bytes, Elf, Range } from "./elf.ts";

/** A segment, in bytes. */
export interface Segment extends Range {
  readonly type: number;
  /** Where it is in memory. */
  readonly address: number;
}

/** What the first bytes of an ELF file say. */
export interface ElfHeader extends Pick<Elf, "bits" | "isBigEndian" | "machine" | "type"> {
  /** Where the program headers are. */
  readonly programHeaders: Range & { readonly size: number };
}

export const Segments = { load: 1, dynamic: 2, interpreter: 3 } as const;

/** The length of the longest header. */
export const HEADER_LENGTH = 64;

/** More than any linker makes. */
const MAX_SEGMENTS = 1000;

const MAGIC = Buffer.from("\x7fELF", "latin1");

/** Whether a file's first bytes are those of an ELF file. */
export function isElf(start: Uint8Array): boolean {
  return start.length >= 4 && MAGIC.equals(start.subarray(0, 4));
}

/** Reads the numbers of an ELF file. */
export class Numbers {
  readonly bits: 32 | 64;
  readonly isBigEndian: boolean;

  constructor({ bits, isBigEndian }: Pick<Elf, "bits" | "isBigEndian">) {
    this.bits = bits;
    this.isBigEndian = isBigEndian;
  }

  half(bytes: Buffer, at: number): number {
    return this.isBigEndian ? bytes.readUInt16BE(at) : bytes.readUInt16LE(at);
  }

  word(bytes: Buffer, at: number): number {
    return this.isBigEndian ? bytes.readUInt32BE(at) : bytes.readUInt32LE(at);
  }

  /** An address or an offset: four or eight bytes. What is too large for a file is at least not within it. */
  address(bytes: Buffer, at: number): number {
    if (this.bits === 32) return this.word(bytes, at);
    const [high, low] = this.isBigEndian ? [at, at + 4] : [at + 4, at];
    return this.word(bytes, high) * 2 ** 32 + this.word(bytes, low);
  }
}

/** The header of an ELF file; undefined for one that isn't as it should be. */
export function readHeader(bytes: Bytes): ElfHeader | undefined {
  const head = bytes.get({ start: 0, end: HEADER_LENGTH });
  const bits = head?.[4] === 1 ? 32 : 64;
  if (head === undefined || head.length < (bits === 32 ? 52 : 64)) return undefined;
  const isSound = isElf(head) && (head[4] === 1 || head[4] === 2) && (head[5] === 1 || head[5] === 2);
  if (!isSound) return undefined;
  const isBigEndian = head[5] === 2;
  const numbers = new Numbers({ bits, isBigEndian });
  const start = numbers.address(head, bits === 32 ? 28 : 32);
  const size = numbers.half(head, bits === 32 ? 42 : 54);
  const count = numbers.half(head, bits === 32 ? 44 : 56);
  if (count > MAX_SEGMENTS || (count > 0 && size < (bits === 32 ? 32 : 56))) return undefined;
  const type = numbers.half(head, 16);
  return {
    bits,
    isBigEndian,
    machine: numbers.half(head, 18),
    type: type === 2 ? "executable" : type === 3 ? "shared" : "other",
    programHeaders: { start, end: start + size * count, size },
  };
}

/** The segments; undefined if their headers aren't at hand. */
export function readSegments(bytes: Bytes, header: ElfHeader): Segment[] | undefined {
  const { start, end, size } = header.programHeaders;
  const table = bytes.get({ start, end });
  if (table === undefined || table.length < end - start) return undefined;
  const numbers = new Numbers(header);
  const [offset, address, length] = header.bits === 32 ? [4, 8, 16] : [8, 16, 32];
  const segments: Segment[] = [];
  for (let at = 0; at < table.length; at += size) {
    const start = numbers.address(table, at + offset!);
    segments.push({
      type: numbers.word(table, at),
      start,
      end: start + numbers.address(table, at + length!),
      address: numbers.address(table, at + address!),
    });
  }
  return segments;
}

/** The place in the file of what is at an address in memory, and where its segment ends there. */
export function placeOf(segments: readonly Segment[], address: number): Range | undefined {
  for (const { type, start, end, address: first } of segments) {
    if (type === Segments.load && address >= first && address < first + (end - start)) {
      return { start: start + (address - first), end };
    }
  }
  return undefined;
}
