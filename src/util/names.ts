/**
 * File names are bytes; most are UTF-8 but nothing makes them so. varve holds every name as a string in which
 * a byte that isn't UTF-8 stands as a lone surrogate from U+DC80 to U+DCFF. No valid text has one of those, so
 * the bytes come back exactly. (Python calls this "surrogateescape", PEP 383.)
 */

import { asBuffer } from "./bytes.ts";

const REPLACEMENT = "\uFFFD";
const ASCII = /^[\0-\x7f]*$/;
const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** Whether every character is ASCII: such a name is the same in every encoding and sorts by its code units. */
export function isAscii(name: string): boolean {
  return ASCII.test(name);
}

/** The name that `bytes` stand for. */
export function decodeName(bytes: Uint8Array): string {
  const text = asBuffer(bytes).toString("utf8");
  // A replacement character may be the name's own; only then is the slower, exact reading needed.
  return text.includes(REPLACEMENT) ? decodeExactly(bytes) : text;
}

function decodeExactly(bytes: Uint8Array): string {
  let name = "";
  for (let at = 0; at < bytes.length; ) {
    const length = sequenceLength(bytes, at);
    if (length === 0) name += String.fromCharCode(0xdc00 + bytes[at]!);
    else name += utf8.decode(bytes.subarray(at, at + length));
    at += Math.max(length, 1);
  }
  return name;
}

/** The length of the UTF-8 sequence at `at`, or 0 if there is no valid one. */
function sequenceLength(bytes: Uint8Array, at: number): number {
  const first = bytes[at]!;
  const length =
    first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
  if (length === 0 || at + length > bytes.length) return 0;
  try {
    utf8.decode(bytes.subarray(at, at + length));
    return length;
  } catch {
    return 0;
  }
}

/** The bytes of a name. */
export function encodeName(name: string): Buffer {
  if (name.isWellFormed()) return Buffer.from(name, "utf8");
  const parts: Buffer[] = [];
  for (const character of name) {
    const code = character.codePointAt(0)!;
    const escaped = code >= 0xdc80 && code <= 0xdcff;
    parts.push(escaped ? Buffer.from([code - 0xdc00]) : Buffer.from(character, "utf8"));
  }
  return Buffer.concat(parts);
}

/** A path as `node:fs` takes it: a string where it can be one, else its bytes. */
export function fsPath(path: string): string | Buffer {
  return path.isWellFormed() ? path : encodeName(path);
}

/**
 * Orders names by code point, as Python orders strings. JavaScript's own order is by UTF-16 code unit, which
 * puts a character beyond the basic plane before U+E000…U+FFFF.
 */
export function compareNames(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let at = 0; at < length; at++) {
    if (a.charCodeAt(at) === b.charCodeAt(at)) continue;
    return rank(a, at) - rank(b, at);
  }
  return a.length - b.length;
}

/** The code point at `at`, or, in the middle of a surrogate pair, the low surrogate placed beyond all of them. */
function rank(name: string, at: number): number {
  const unit = name.charCodeAt(at);
  const isLow = unit >= 0xdc00 && unit <= 0xdfff;
  if (isLow && at > 0) {
    const before = name.charCodeAt(at - 1);
    if (before >= 0xd800 && before <= 0xdbff) return 0x110000 + unit;
  }
  return name.codePointAt(at)!;
}

/** Sorts names in place by code point. */
export function sortNames(names: string[]): string[] {
  // The engine's own sort is several times faster, and right for ASCII.
  return names.every(isAscii) ? names.sort() : names.sort(compareNames);
}
