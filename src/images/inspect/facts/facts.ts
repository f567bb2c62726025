/** What was learned of a layer while it passed by: enough to tell what is wrong with an image that has it. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { asBuffer } from "#util";
import type { Elf } from "../elf/index.ts";

/** Something that was found in a text, and on which line, counted from 1. */
export type Found = readonly [what: string, line: number];

/** What a file is, as far as it matters. */
export interface FileFacts {
  /** `broken` for what begins as an ELF file and doesn't go on so. */
  readonly elf?: Elf | "broken";
  /** The name of another system's format, of a file that Node.js would load. */
  readonly foreign?: "Mach-O" | "PE" | "not a program";
  /** What an executable script begins with, after `#!`. */
  readonly shebang?: string;
  /** Kinds of secrets. */
  readonly secrets?: readonly Found[];
  /** Home folders of people. */
  readonly homes?: readonly Found[];
  /** Paths in `/nix/store`. */
  readonly stores?: readonly Found[];
  /** What is in one of the few files whose content matters. */
  readonly text?: string;
  /** Of a package.json: which versions of Node.js it wants. */
  readonly engines?: string;
  /** Of Node.js: its version, and that of its interface for addons. */
  readonly node?: { readonly version?: string; readonly abi?: number };
  /** Of glibc's loader: the folders that it searches by itself. */
  readonly folders?: readonly string[];
}

/**
 * An entry of the archive, and what is known of its file; the owner's group, the time and the size don't matter, and so may differ
 * where nothing else does.
 */
export type FactEntry = readonly [
  name: string,
  type: string,
  mode: number,
  linkname: string,
  uid: number,
  facts?: FileFacts,
];

/** A layer's entries in their order. */
export type LayerFacts = Iterable<FactEntry>;

/** Raise it whenever something else is learned of a layer: what was kept before is then forgotten. */
export const FACTS_FORMAT = 3;

/** So many entries are one line of JSON: objects of more than that would live long enough to be kept for a while. */
const LINE = 64;

/** So many characters of lines are compressed together. */
const PIECE = 256 * 1024;

/** In bytes, decompressed: more than a layer with a million files has. */
const MAX_FACTS = 512 * 1024 * 1024;

/** The length of a piece, in front of it. */
const LENGTH_FIELD = 4;

/** Puts facts into bytes entry by entry: as objects those of a large layer would take as much memory as all else. */
export class FactsWriter {
  readonly #pieces: Uint8Array[] = [];
  #lines = "";
  #entries: FactEntry[] = [];

  /** @returns tells what is known of the entry's file; to be called before the next entry is added, or not at all */
  add(entry: FactEntry): (facts: FileFacts) => void {
    if (this.#entries.length === LINE) this.#endLine();
    if (this.#lines.length > PIECE) this.#endPiece();
    const at = this.#entries.push(entry) - 1;
    return (facts) => {
      const [name, type, mode, linkname, uid] = entry;
      this.#entries[at] = [name, type, mode, linkname, uid, facts];
    };
  }

  /** The bytes, which {@link readFacts} reads. */
  finish(): Uint8Array {
    this.#endLine();
    this.#endPiece();
    return Buffer.concat(this.#pieces);
  }

  #endLine(): void {
    this.#lines += `${JSON.stringify(this.#entries)}\n`;
    this.#entries = [];
  }

  #endPiece(): void {
    const piece = zstdCompressSync(this.#lines);
    const length = Buffer.alloc(LENGTH_FIELD);
    length.writeUInt32LE(piece.length);
    this.#pieces.push(length, piece);
    this.#lines = "";
  }
}

/**
 * The entries that a {@link FactsWriter} put into bytes, piece by piece.
 * @throws Error for any other bytes, perhaps after some entries
 */
export function* readFacts(facts: Uint8Array): Generator<FactEntry, void, void> {
  const bytes = asBuffer(facts);
  let room = MAX_FACTS;
  for (let at = 0; at < bytes.length; ) {
    const end = at + LENGTH_FIELD + bytes.readUInt32LE(at);
    const piece = zstdDecompressSync(bytes.subarray(at + LENGTH_FIELD, end), { maxOutputLength: room });
    room -= piece.length;
    const lines = piece.toString();
    for (let start = 0; start < lines.length; ) {
      const stop = lines.indexOf("\n", start);
      if (stop === -1) throw new Error("a line of facts has no end");
      yield* JSON.parse(lines.slice(start, stop));
      start = stop + 1;
    }
    at = end;
  }
}

/** Whether bytes are facts. */
export function areFacts(bytes: Uint8Array): boolean {
  try {
    for (const entry of readFacts(bytes)) if (!isEntry(entry)) return false;
    return bytes.length > 0;
  } catch {
    return false;
  }
}

function isEntry([name, type, mode, linkname, uid, facts = {}]: FactEntry): boolean {
  const areTexts = [name, type, linkname].every((text) => typeof text === "string");
  return areTexts && Number.isSafeInteger(mode) && Number.isSafeInteger(uid) && typeof facts === "object";
}
