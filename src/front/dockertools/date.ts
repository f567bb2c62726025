/**
 * Dates as people give them to dockerTools, whose `created` and `mtime` go through GNU `date`: those forms that mean the same time
 * on any day, to any reader. What depends on today ("yesterday", a time alone), on where one lives (01/02/2024, CST) or on
 * a guess (two digits of a year) is refused.
 */
import { VarveError } from "#errors";

const WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];
const MONTHS = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

/** Names as they are spelled in English, in full or by three letters (which `date` prints), September also by four. */
const WEEKDAY =
  "(?<weekday>sun(?:day)?|mon(?:day)?|tue(?:s(?:day)?)?|wed(?:nesday)?|thu(?:rs(?:day)?)?|fri(?:day)?|sat(?:urday)?)";
const MONTH =
  "(?<name>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\\.?";
const ZONE = "(?<zone>z|utc|gmt|ut|[+-]\\d\\d(?::?\\d\\d)?)";
const SECONDS = "(?::(?<second>\\d\\d)(?:[.,]\\d+)?)?";
const TIME = `(?<hour>\\d\\d?):(?<minute>\\d\\d)${SECONDS}(?: ?${ZONE})?(?: \\([^()]*\\))?`;
const BASIC_TIME = `(?<hour>\\d\\d)(?<minute>\\d\\d)(?:(?<second>\\d\\d)(?:[.,]\\d+)?)?${ZONE}?`;

const FORMS = [
  // ISO 8601, and its date with slashes.
  `(?<year>\\d{4})(?<mark>[-/])(?<month>\\d\\d?)\\k<mark>(?<day>\\d\\d?)(?:(?: |t)${TIME})?`,
  // ISO 8601's basic form, also without the T, as Nix has it in lastModifiedDate.
  "(?<year>\\d{4})(?<month>\\d\\d)(?<day>\\d\\d)(?:(?<hour>\\d\\d)(?<minute>\\d\\d)(?<second>\\d\\d))?",
  `(?<year>\\d{4})(?<month>\\d\\d)(?<day>\\d\\d)t${BASIC_TIME}`,
  `(?<year>\\d{4})(?<month>\\d\\d)(?<day>\\d\\d)[ t]${TIME}`,
  // RFC 2822, and dates in words.
  `(?:${WEEKDAY},? )?(?<day>\\d\\d?)(?<mark>[- ])${MONTH}\\k<mark>(?<year>\\d{4})(?:,? ${TIME})?`,
  `(?:${WEEKDAY},? )?${MONTH} (?<day>\\d\\d?),? (?<year>\\d{4})(?:,? ${TIME})?`,
  // What `date` prints.
  `${WEEKDAY} ${MONTH} (?<day>\\d\\d?) (?<hour>\\d\\d?):(?<minute>\\d\\d)${SECONDS}(?: ${ZONE})? (?<year>\\d{4})`,
].map((form) => new RegExp(`^${form}$`, "i"));

const EPOCH = /^@(?<seconds>-?\d{1,12})(?:[.,]\d+)?$/;

/**
 * A time as Python's `isoformat` writes it in UTC, to the second; without a zone it is UTC's. `now` is left to the program that
 * streams the image.
 * @param field the argument that has it, for the error
 * @throws VarveError `INVALID_CONF`
 */
export function isoTime(text: string, field: string): string {
  if (text === "now") return text;
  const time = timeOf(text.trim().replace(/\s+/g, " "));
  if (time === undefined) {
    throw new VarveError(
      "INVALID_CONF",
      `${field} is ${JSON.stringify(text)}, which doesn't name one time; write it as 1970-01-01T00:00:01Z, 19700101, @1 or now`,
    );
  }
  return time.toISOString().replace(/\.\d+Z$/, "+00:00");
}

function timeOf(text: string): Date | undefined {
  const seconds = EPOCH.exec(text)?.groups?.["seconds"];
  if (seconds !== undefined) return inRange(new Date(Number(seconds) * 1000));
  for (const form of FORMS) {
    const found = form.exec(text)?.groups;
    if (found !== undefined) return dateOf(found);
  }
  return undefined;
}

function dateOf(parts: Readonly<Record<string, string | undefined>>): Date | undefined {
  const number = (name: string) => Number(parts[name] ?? 0);
  const month = parts["name"] === undefined ? number("month") - 1 : MONTHS.indexOf(shortened(parts["name"]));
  const [year, day, hour, minute] = [number("year"), number("day"), number("hour"), number("minute")];
  const date = new Date(0);
  // Not Date.UTC, for which the years below 100 are in the 20th century.
  date.setUTCFullYear(year, month, day);
  const isThere = date.getUTCFullYear() === year && date.getUTCMonth() === month && date.getUTCDate() === day;
  // GNU date moves to the weekday; whoever wrote it meant the one or the other.
  const { weekday } = parts;
  const fits = weekday === undefined || WEEKDAYS.indexOf(shortened(weekday)) === date.getUTCDay();
  if (!isThere || !fits || hour > 23 || minute > 59 || number("second") > 59) return undefined;
  const offset = offsetOf(parts["zone"]);
  if (offset === undefined) return undefined;
  date.setUTCHours(hour, minute, number("second"));
  return inRange(new Date(date.getTime() - offset * 60_000));
}

function shortened(name: string): string {
  return name.slice(0, 3).toLowerCase();
}

/** Minutes ahead of UTC. */
function offsetOf(zone: string | undefined): number | undefined {
  const [, sign, hours, minutes = "0"] = /^([+-])(\d\d):?(\d\d)?$/.exec(zone ?? "") ?? [];
  if (sign === undefined) return 0;
  const offset = Number(hours) * 60 + Number(minutes);
  if (Number(minutes) > 59 || offset >= 24 * 60) return undefined;
  return sign === "-" ? -offset : offset;
}

/** Years that Python's datetime has. */
function inRange(date: Date): Date | undefined {
  const year = date.getUTCFullYear();
  return year >= 1 && year <= 9999 ? date : undefined;
}
