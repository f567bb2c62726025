/**
 * Reads a date and time as CPython 3.11's `datetime.fromisoformat` does, including what it accepts beyond ISO 8601:
 * any character between date and time, a fraction after hours or minutes, a fraction without a point in the basic form.
 */

/** A moment as written down. `offset` is what is to be taken off to get UTC; a naive time has none. */
export interface Moment {
  /** Days since 1970-01-01, in the proleptic Gregorian calendar. */
  days: number;
  hour: number;
  minute: number;
  second: number;
  microsecond: number;
  /** In microseconds, strictly between minus and plus one day. */
  offset?: number;
}

const DAY_MS = 86_400_000;
const DAY_US = 86_400_000_000;

const PLUS = 0x2b;
const COMMA = 0x2c;
const DASH = 0x2d;
const POINT = 0x2e;
const COLON = 0x3a;
const UPPER_W = 0x57;
const UPPER_Z = 0x5a;

/** The text's UTF-8 bytes; past its end are zeros, which CPython takes for the end wherever they stand. */
class Bytes {
  readonly #bytes: Uint8Array;
  readonly length: number;

  constructor(text: string) {
    this.#bytes = new TextEncoder().encode(text);
    this.length = this.#bytes.length;
  }

  at(position: number): number {
    return this.#bytes[position] ?? 0;
  }

  isDigit(position: number): boolean {
    const byte = this.at(position);
    return byte >= 0x30 && byte <= 0x39;
  }

  /** The number that exactly `count` digits at `position` make. */
  number(position: number, count: number): number | undefined {
    let value = 0;
    for (let end = position + count; position < end; position++) {
      if (!this.isDigit(position)) return undefined;
      value = value * 10 + this.at(position) - 0x30;
    }
    return value;
  }
}

/** The moment that `text` writes down, or undefined where `datetime.fromisoformat` raises a `ValueError`. */
export function fromIsoFormat(text: string): Moment | undefined {
  const clean = withoutSurrogate(text);
  if (clean === undefined) return undefined;
  const bytes = new Bytes(clean);
  const separator = findSeparator(bytes);
  if (separator === undefined) return undefined;
  const days = readDate(bytes, separator);
  if (days === undefined) return undefined;
  if (bytes.length <= separator) return { days, hour: 0, minute: 0, second: 0, microsecond: 0 };
  return readTime(bytes, separator + characterLength(bytes.at(separator)), days);
}

/** A surrogate without a partner may only be the separator, where any character will do. */
function withoutSurrogate(text: string): string | undefined {
  const characters = Array.from(text);
  if (characters.length < 7) return undefined;
  const separator = [7, 8, 10].find((index) => /^\p{Cs}$/u.test(characters[index] ?? ""));
  if (separator !== undefined) characters[separator] = "T";
  const clean = characters.join("");
  return /\p{Cs}/u.test(clean) ? undefined : clean;
}

function characterLength(firstByte: number): number {
  if (firstByte < 0x80) return 1;
  if (firstByte < 0xe0) return 2;
  return firstByte < 0xf0 ? 3 : 4;
}

/**
 * Where the date ends. Any character may follow it, a digit and a dash too, so this goes by the date's form:
 * `YYYYWww`, `YYYYMMDD`, `YYYYWwwD`, `YYYY-Www`, `YYYY-MM-DD`, `YYYY-Www-D`.
 */
function findSeparator(bytes: Bytes): number | undefined {
  const { length } = bytes;
  if (length === 7) return 7;
  if (bytes.at(4) === DASH) {
    if (bytes.at(5) !== UPPER_W) return 10;
    if (length === 8 || bytes.at(8) !== DASH) return 8;
    if (length === 9) return undefined;
    // "YYYY-Www-dd": more likely an hour after a dash than a weekday with a digit after it.
    return bytes.isDigit(10) ? 8 : 10;
  }
  if (bytes.at(4) !== UPPER_W) return 8;
  // The digits of a time come in pairs, so their number tells whether a weekday is among them.
  let digitsEnd = 7;
  while (digitsEnd < length && bytes.isDigit(digitsEnd)) digitsEnd++;
  if (digitsEnd < 9) return digitsEnd;
  return digitsEnd % 2 === 0 ? 7 : 8;
}

function daysOf(year: number, month: number, day: number): number {
  return new Date(0).setUTCFullYear(year, month - 1, day) / DAY_MS;
}

function readDate(bytes: Bytes, end: number): number | undefined {
  const year = bytes.number(0, 4);
  if (year === undefined || year < 1) return undefined;
  const dashed = bytes.at(4) === DASH;
  let position = dashed ? 5 : 4;
  if (bytes.at(position) === UPPER_W)
    return readWeekDate(bytes, { year, dashed, position: position + 1, end });

  const month = bytes.number(position, 2);
  position += 2;
  if (dashed && bytes.at(position++) !== DASH) return undefined;
  const day = bytes.number(position, 2);
  if (month === undefined || day === undefined || position + 2 !== end) return undefined;
  if (month < 1 || month > 12 || day < 1) return undefined;
  const days = daysOf(year, month, day);
  return days < daysOf(year, month + 1, 1) ? days : undefined;
}

interface WeekDate {
  year: number;
  dashed: boolean;
  position: number;
  end: number;
}

function readWeekDate(bytes: Bytes, { year, dashed, position: start, end }: WeekDate): number | undefined {
  const week = bytes.number(start, 2);
  let position = start + 2;
  let weekday: number | undefined = 1;
  if (position < end) {
    if (dashed && bytes.at(position++) !== DASH) return undefined;
    weekday = bytes.number(position, 1);
  }
  if (week === undefined || weekday === undefined || week < 1 || weekday < 1 || weekday > 7) return undefined;
  const monday = firstMonday(year) + (week - 1) * 7;
  if (monday >= firstMonday(year + 1)) return undefined;
  const days = monday + weekday - 1;
  return days < daysOf(10_000, 1, 1) ? days : undefined;
}

/** The Monday of the week that holds January 4th, which is week 1. */
function firstMonday(year: number): number {
  const fourth = daysOf(year, 1, 4);
  // Day 0 was a Thursday; the remainder must not be negative for days before it.
  return fourth - ((((fourth + 3) % 7) + 7) % 7);
}

function readTime(bytes: Bytes, start: number, days: number): Moment | undefined {
  const end = bytes.length;
  let zone = start;
  while (zone < end && ![PLUS, DASH, UPPER_Z].includes(bytes.at(zone))) zone++;

  const clock = readClock(bytes, start, zone);
  if (clock === undefined || clock.hour > 23 || clock.minute > 59 || clock.second > 59) return undefined;
  const { complete, ...time } = clock;
  if (zone === end) return complete ? { days, ...time } : undefined;
  if (bytes.at(zone) === UPPER_Z) return bytes.at(zone + 1) === 0 ? { days, ...time, offset: 0 } : undefined;

  const ahead = readClock(bytes, zone + 1, end);
  if (ahead === undefined || !ahead.complete) return undefined;
  const seconds = ahead.hour * 3600 + ahead.minute * 60 + ahead.second;
  // CPython takes an offset below a second for none at all.
  const size = seconds === 0 ? 0 : seconds * 1_000_000 + ahead.microsecond;
  if (size >= DAY_US) return undefined;
  return { days, ...time, offset: bytes.at(zone) === DASH && size > 0 ? -size : size };
}

interface Clock {
  hour: number;
  minute: number;
  second: number;
  microsecond: number;
  /** Whether the text ends with it. What follows the time of day may be its zone, and so be no mistake. */
  complete: boolean;
}

/** Reads `HH[:MM[:SS]]` or `HH[MM[SS]]`, with a fraction of a second after any of them, from `start` up to `end`. */
function readClock(bytes: Bytes, start: number, end: number): Clock | undefined {
  const parts: number[] = [];
  let position = start;
  let colons = false;
  while (parts.length < 3) {
    const value = bytes.number(position, 2);
    if (value === undefined) return undefined;
    parts.push(value);
    position += 2;
    const next = bytes.at(position);
    if (parts.length === 1) colons = next === COLON;
    if (position + 1 >= end) return clockOf(parts, 0, next === 0);
    if (next === POINT || next === COMMA) {
      position++;
      break;
    }
    if (!colons) continue;
    if (next !== COLON) return undefined;
    position++;
  }
  const count = Math.min(6, end - position);
  const fraction = bytes.number(position, count);
  if (fraction === undefined) return undefined;
  position += count;
  while (bytes.isDigit(position)) position++;
  return clockOf(parts, fraction * 10 ** (6 - count), bytes.at(position) === 0);
}

function clockOf(parts: readonly number[], microsecond: number, complete: boolean): Clock {
  const [hour = 0, minute = 0, second = 0] = parts;
  return { hour, minute, second, microsecond, complete };
}
