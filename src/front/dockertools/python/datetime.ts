/** Python's `datetime`, as far as a conf's `created` and `mtime` need it. */

import { VarveError } from "#errors";
import { fromIsoFormat, type Moment } from "./isoformat.ts";

/** A moment as CPython 3.11's `datetime` holds it. */
export interface PythonDatetime {
  /** What `datetime.isoformat()` prints: microseconds and offset only where there are any. */
  isoformat(): string;
  /**
   * What `datetime.timestamp()` returns: seconds since 1970-01-01 UTC as a double. A time without an offset counts as
   * UTC, on purpose: Python takes the machine's time zone, and nothing of the machine may reach an output.
   */
  timestamp(): number;
}

/**
 * Reads a moment as `datetime.fromisoformat` of CPython 3.11 does, or the word `now`.
 *
 * @param text the conf's text
 * @param options.field the conf's field, for the message
 * @param options.now what `now` stands for (in UTC); without it the word is an error
 * @throws VarveError `INVALID_CONF` naming field and text where Python raises a `ValueError`
 */
export function parsePythonDatetime(text: string, options: { field: string; now?: Date }): PythonDatetime {
  const moment = text === "now" ? options.now && momentOfDate(options.now) : fromIsoFormat(text);
  if (moment === undefined) {
    throw new VarveError(
      "INVALID_CONF",
      `the field ${options.field} is ${JSON.stringify(text.slice(0, 80))}, which is no date and time: ` +
        `write one as ISO 8601 does, such as 1970-01-01T00:00:01Z`,
    );
  }
  return { isoformat: () => isoFormat(moment), timestamp: () => timestampOf(moment) };
}

/** `int(time.timestamp())`: whole seconds since 1970-01-01 UTC, cut off toward zero. */
export function timestampSeconds(time: PythonDatetime): number {
  return Math.trunc(time.timestamp()) + 0; // + 0 makes a 0 of -0
}

function momentOfDate(date: Date): Moment {
  return {
    days: Math.floor(date.getTime() / 86_400_000),
    hour: date.getUTCHours(),
    minute: date.getUTCMinutes(),
    second: date.getUTCSeconds(),
    microsecond: date.getUTCMilliseconds() * 1000,
    offset: 0,
  };
}

function isoFormat({ days, hour, minute, second, microsecond, offset }: Moment): string {
  const date = new Date(days * 86_400_000);
  const year = String(date.getUTCFullYear()).padStart(4, "0");
  const fraction = microsecond === 0 ? "" : `.${pad(microsecond, 6)}`;
  const zone = offset === undefined ? "" : isoOffset(offset);
  return `${year}-${pad(date.getUTCMonth() + 1)}-${pad(date.getUTCDate())}T${pad(hour)}:${pad(minute)}:${pad(second)}${fraction}${zone}`;
}

function isoOffset(offset: number): string {
  const size = Math.abs(offset);
  const seconds = Math.floor(size / 1_000_000);
  const fraction = size % 1_000_000 === 0 ? "" : `.${pad(size % 1_000_000, 6)}`;
  const second = seconds % 60 === 0 && fraction === "" ? "" : `:${pad(seconds % 60)}${fraction}`;
  return `${offset < 0 ? "-" : "+"}${pad(Math.floor(seconds / 3600))}:${pad(Math.floor(seconds / 60) % 60)}${second}`;
}

function pad(value: number, width = 2): string {
  return String(value).padStart(width, "0");
}

function timestampOf({ days, hour, minute, second, microsecond, offset }: Moment): number {
  const seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
  // Python adds two doubles for a naive time, and divides integers, rounding once, for one with an offset.
  if (offset === undefined) return seconds + microsecond / 1e6;
  const total = BigInt(seconds) * 1_000_000n + BigInt(microsecond - offset);
  const size = total < 0n ? -total : total;
  const exact = Number(`${size / 1_000_000n}.${pad(Number(size % 1_000_000n), 6)}`);
  return total < 0n ? -exact : exact;
}
