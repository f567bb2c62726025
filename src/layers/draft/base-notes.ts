/** A base image's names and links as they are kept. */
import type { BaseEntry } from "#root";

const TYPES: readonly unknown[] = ["directory", "file", "symlink", "other"] satisfies BaseEntry["type"][];

type Notes = Iterable<readonly [string, BaseEntry]>;

export function encodeNotes(notes: Notes): Uint8Array {
  return Buffer.from(JSON.stringify([...notes]));
}

/** Reads what {@link encodeNotes} wrote; undefined for anything else, since it may come from a registry. */
export function decodeNotes(content: Uint8Array): Map<string, BaseEntry> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(content.buffer, content.byteOffset, content.length).toString());
  } catch {
    return undefined;
  }
  return Array.isArray(value) && value.every(isNote) ? new Map(value) : undefined;
}

function isNote(note: unknown): note is [string, BaseEntry] {
  if (!Array.isArray(note) || note.length !== 2) return false;
  const [path, entry] = note as unknown[];
  if (typeof path !== "string" || !path.startsWith("/")) return false;
  if (typeof entry !== "object" || entry === null) return false;
  const { type, target, mode, uid, gid, uname, gname } = entry as Record<string, unknown>;
  const isText = (text: unknown) => text === undefined || typeof text === "string";
  const isNumber = (number: unknown) => number === undefined || Number.isSafeInteger(number);
  return TYPES.includes(type) && [target, uname, gname].every(isText) && [mode, uid, gid].every(isNumber);
}
