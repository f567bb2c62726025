/** The form of an entry: one line of JSON, in a file of its own or among others. */
import { createHash } from "node:crypto";
import { type Digest, parseDigest } from "#oci";
import { asBuffer } from "#util";

/**
 * What an entry is about: a layer, by what goes into it; a blob, by the layer that it is the compressed form of; a tree, by
 * its NAR hash and place; a base image, by its layers; and what was learned of a layer or an image when it was looked at. The notes
 * about a base, and what was learned, follow the entry's line in the same file.
 */
export type EntryKind = "base" | "blob" | "facts" | "layer" | "tree";

/** The kinds whose entries are followed by a content. */
export const WITH_CONTENT: ReadonlySet<EntryKind> = new Set(["base", "facts"]);

export const ENTRY_KINDS: readonly EntryKind[] = ["base", "blob", "facts", "layer", "tree"];

/** Something that was once measured. */
export interface CacheEntry {
  readonly kind: EntryKind;
  /** 64 hexadecimal digits. */
  readonly key: string;
  /** A layer's diff ID, a blob's digest, or the digest of the content that follows; a tree has only its key. */
  readonly digest: Digest;
  /** In bytes: of the layer's archive, of the blob, of the tree's part of an archive, or of the content. */
  readonly size: number;
  /** Whether it is valid on any machine; false if the key is made of the metadata of this machine's files. */
  readonly portable: boolean;
}

/** No entry's line is longer than this, in bytes. */
export const MAX_LINE = 400;

const LINE =
  /^\{"kind":"(base|blob|facts|layer|tree)","key":"([0-9a-f]{64})","digest":"(sha256:[0-9a-f]{64})","size":(0|[1-9][0-9]{0,15}),"portable":(true|false),"check":"([0-9a-f]{32})"\}$/;

/** An entry as a line, with the newline at its end. */
export function encodeEntry({ kind, key, digest, size, portable }: CacheEntry): string {
  const content = JSON.stringify({ kind, key, digest, size, portable }).slice(0, -1);
  return `${content},"check":"${checkOf(content)}"}\n`;
}

/**
 * Reads an entry's line, without its newline; undefined for anything that {@link encodeEntry} didn't write. The check
 * covers the content and the key, so that an entry under the name of another isn't taken for that one.
 */
export function decodeEntry(line: string): CacheEntry | undefined {
  const match = LINE.exec(line);
  if (match === null) return undefined;
  const [, kind, key, digest, digits, portable, check] = match as unknown as string[];
  const size = Number(digits);
  if (!Number.isSafeInteger(size) || checkOf(line.slice(0, line.lastIndexOf(","))) !== check)
    return undefined;
  return {
    kind: kind as EntryKind,
    key: key!,
    digest: parseDigest(digest, "a cache entry"),
    size,
    portable: portable === "true",
  };
}

/** It is against accidents, not against attackers, so half of a digest is enough. */
function checkOf(content: string): string {
  return createHash("sha256").update(content).digest("hex").slice(0, 32);
}

/** Orders entries by kind and key. */
function compareEntries(a: CacheEntry, b: CacheEntry): number {
  const [left, right] = [a.kind + a.key, b.kind + b.key];
  return left < right ? -1 : left > right ? 1 : 0;
}

/**
 * Entries as one document of JSON Lines. The same entries give the same bytes, whatever their order; if several have the
 * same key, the first one counts.
 */
export function encodeEntries(entries: Iterable<CacheEntry>): Uint8Array {
  const first = new Map<string, CacheEntry>();
  for (const entry of entries) {
    const name = `${entry.kind} ${entry.key}`;
    if (!first.has(name)) first.set(name, entry);
  }
  return Buffer.from([...first.values()].sort(compareEntries).map(encodeEntry).join(""), "latin1");
}

/** The entries that were read, and how many lines weren't entries. */
export interface DecodedEntries {
  readonly entries: readonly CacheEntry[];
  readonly broken: number;
}

/** Reads what {@link encodeEntries} wrote. Lines that are damaged or foreign are counted and left out. */
export function decodeEntries(bytes: Uint8Array): DecodedEntries {
  const text = asBuffer(bytes).toString("latin1");
  const lines = text.split("\n");
  // There is nothing after the last newline, unless the document was cut short.
  if (lines.at(-1) === "") lines.pop();
  const entries = lines.map(decodeEntry).filter((entry) => entry !== undefined);
  return { entries, broken: lines.length - entries.length };
}
