/** What was learned of a layer while it passed by: enough to tell what is wrong with an image that has it. */
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
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

/** An entry of the archive; the owner's group, the time and the size don't matter, and so may differ where nothing else does. */
export type FactEntry = readonly [name: string, type: string, mode: number, linkname: string, uid: number];

/** A layer's entries in their order, and what is known of some by their positions. */
export interface LayerFacts {
  readonly entries: readonly FactEntry[];
  readonly files: ReadonlyMap<number, FileFacts>;
}

/** Raise it whenever something else is learned of a layer: what was kept before is then forgotten. */
export const FACTS_FORMAT = 2;

/** In bytes, decompressed: more than a layer with a million files has. */
const MAX_FACTS = 512 * 1024 * 1024;

/** Facts as bytes, to be kept. */
export function encodeFacts({ entries, files }: LayerFacts): Uint8Array {
  return zstdCompressSync(JSON.stringify({ format: FACTS_FORMAT, entries, files: [...files] }));
}

/** What {@link encodeFacts} made; undefined for anything else. */
export function decodeFacts(bytes: Uint8Array): LayerFacts | undefined {
  try {
    const value = JSON.parse(zstdDecompressSync(bytes, { maxOutputLength: MAX_FACTS }).toString());
    if (value.format !== FACTS_FORMAT) return undefined;
    return { entries: value.entries, files: new Map(value.files) };
  } catch {
    return undefined;
  }
}
