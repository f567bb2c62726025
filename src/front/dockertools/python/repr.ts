/** What Python's `repr` prints for strings, lists of strings and floats. */

import { PRINTABLE_CHANGES } from "./unicode-14.ts";

/**
 * Python's `repr` of a string or of a list of strings, as CPython 3.11 prints it: single quotes unless the text has one
 * and no double quote; what Unicode 14 doesn't call printable is escaped. A surrogate without a partner (as Python keeps
 * bytes that aren't UTF-8) is escaped as `\udc80`.
 */
export function pythonRepr(value: string | readonly string[]): string {
  return typeof value === "string" ? reprString(value) : `[${value.map(reprString).join(", ")}]`;
}

function reprString(text: string): string {
  const quote = text.includes("'") && !text.includes('"') ? '"' : "'";
  const needsEscape = quote === '"' ? /[\\]|[^ -~]/gu : /[\\']|[^ -~]/gu;
  return quote + text.replace(needsEscape, escaped) + quote;
}

const SHORT_ESCAPES: Record<string, string> = {
  "\t": "\\t",
  "\n": "\\n",
  "\r": "\\r",
  "\\": "\\\\",
  "'": "\\'",
};

function escaped(character: string): string {
  const short = SHORT_ESCAPES[character];
  if (short !== undefined) return short;
  const point = character.codePointAt(0)!;
  if (isPrintable(point)) return character;
  if (point <= 0xff) return `\\x${hex(point, 2)}`;
  return point <= 0xffff ? `\\u${hex(point, 4)}` : `\\U${hex(point, 8)}`;
}

/** `number` in lower-case hexadecimal digits, at least `width` of them. */
export function hex(number: number, width: number): string {
  return number.toString(16).padStart(width, "0");
}

/** The first code points that differ in being printable from the one before them, in ascending order. */
let changes: Uint32Array | undefined;

/** Whether Python's `str.isprintable` (of Unicode 14) holds for this code point. */
export function isPrintable(point: number): boolean {
  if (changes === undefined) {
    let position = 0;
    changes = Uint32Array.from(PRINTABLE_CHANGES, (distance) => (position += distance));
  }
  let low = 0;
  let high = changes.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (changes[middle]! <= point) low = middle + 1;
    else high = middle;
  }
  // `low` changes lie at or before the code point, and the table starts with "printable".
  return low % 2 === 0;
}

/**
 * Python's `repr` of a float, as `json` prints it too: the shortest digits that read back as the same number, a `.0` on
 * whole numbers, an exponent of two digits at least below 1e-4 and from 1e16 on. What is not finite is printed in JSON's
 * way (`NaN`, `Infinity`), which is where varve prints floats.
 */
export function pythonFloat(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  const [mantissa = "", exponentText = ""] = value.toExponential().split("e");
  const exponent = Number(exponentText);
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const digits = mantissa.replace(/[-.]/g, "");
  if (exponent < -4 || exponent >= 16) {
    const fraction = digits.length > 1 ? `.${digits.slice(1)}` : "";
    const size = String(Math.abs(exponent)).padStart(2, "0");
    return `${sign}${digits[0]}${fraction}e${exponent < 0 ? "-" : "+"}${size}`;
  }
  if (exponent < 0) return `${sign}0.${"0".repeat(-exponent - 1)}${digits}`;
  const whole = digits.slice(0, exponent + 1).padEnd(exponent + 1, "0");
  return `${sign}${whole}.${digits.slice(exponent + 1) || "0"}`;
}
