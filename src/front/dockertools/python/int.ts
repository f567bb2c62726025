/** Python's `int()`, for the conf's fields that may be numbers or strings. */

import { VarveError } from "#errors";
import { MAX_INT_DIGITS, type PyJson } from "./json.ts";
import { isPrintable } from "./repr.ts";

// What int() strips: ASCII white space as C's isspace() has it, beyond ASCII what str.isspace() calls a space.
const SPACES = "[\\t-\\r \\u0085\\u00a0\\u1680\\u2000-\\u200a\\u2028\\u2029\\u202f\\u205f\\u3000]*";
const NUMERAL = new RegExp(`^${SPACES}([-+]?)(\\p{Nd}+(?:_\\p{Nd}+)*)${SPACES}$`, "u");

/**
 * Python's `int(value)`: a string may have white space around it, a sign, single underscores between digits, and
 * decimal digits of any script; a float is cut off toward zero; `true` is 1.
 *
 * @param value the conf's value
 * @param field the conf's field, for the message
 * @returns a number where it is exact, else a bigint
 * @throws VarveError `INVALID_CONF` naming field and value where Python raises an error
 */
export function pythonInt(value: PyJson, field: string): bigint | number {
  const integer = toInteger(value);
  if (integer === undefined) {
    const shown = typeof value === "object" && value !== null ? "a list or an object" : shortened(value);
    throw new VarveError(
      "INVALID_CONF",
      `the field ${field} is ${shown}, which is not an integer: write a number such as 0`,
    );
  }
  const number = Number(integer);
  return Number.isSafeInteger(number) ? number : integer;
}

function toInteger(value: PyJson): bigint | undefined {
  if (typeof value === "bigint") return value;
  if (typeof value === "boolean") return value ? 1n : 0n;
  if (typeof value === "number") return Number.isFinite(value) ? BigInt(Math.trunc(value)) : undefined;
  if (typeof value !== "string") return undefined;

  const [, sign, numeral = ""] = NUMERAL.exec(value) ?? [];
  const characters = Array.from(numeral.replaceAll("_", ""));
  if (sign === undefined || characters.length > MAX_INT_DIGITS) return undefined;
  const digits = characters.map(digitOf);
  if (digits.includes(undefined)) return undefined;
  const size = BigInt(digits.join(""));
  return sign === "-" ? -size : size;
}

/** The value of a decimal digit of Unicode 14, which every script has ten of in a row. */
function digitOf(character: string): number | undefined {
  const point = character.codePointAt(0)!;
  if (point < 0x80) return point - 0x30;
  if (!isPrintable(point)) return undefined;
  let first = point;
  while (/\p{Nd}/u.test(String.fromCodePoint(first - 1))) first--;
  return (point - first) % 10;
}

function shortened(value: unknown): string {
  const text = typeof value === "string" ? JSON.stringify(value) : String(value);
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
