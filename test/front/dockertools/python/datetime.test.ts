import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { VarveError } from "#errors";
import { parsePythonDatetime, timestampSeconds } from "../../../../src/front/dockertools/python/index.ts";
import { askPython } from "../../../support/python.ts";
import { requires } from "../../../support/systems.ts";

/** What `isoformat()`, `timestamp()` and `int(timestamp())` give, or null for an error. */
type Answer = [string, number | null, number | null] | null;

function pythonAnswers(texts: readonly string[]): Answer[] {
  const program = `
from datetime import datetime
def answer(text):
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    try:
        return [time.isoformat(), time.timestamp(), int(time.timestamp())]
    except ValueError:
        # A naive time in the first or last day that there is: Python's search for a local time leaves the calendar.
        return [time.isoformat(), None, None]
output = [answer(text) for text in input]`;
  return askPython(program, texts);
}

function answer(text: string): Answer {
  try {
    const time = parsePythonDatetime(text, { field: "created" });
    return [time.isoformat(), time.timestamp(), timestampSeconds(time)];
  } catch (error) {
    assert.ok(
      error instanceof VarveError && error.code === "INVALID_CONF",
      `${JSON.stringify(text)}: ${error}`,
    );
    return null;
  }
}

/** Checks the texts and returns how many of them are dates, so that a test can tell that it tested something. */
function agrees(texts: readonly string[]): number {
  const expected = pythonAnswers(texts);
  for (const [index, text] of texts.entries()) {
    const actual = answer(text);
    const [iso = null, timestamp = null, seconds = null] = expected[index] ?? [];
    assert.equal(actual?.[0] ?? null, iso, JSON.stringify(text));
    if (timestamp !== null) assert.deepEqual(actual?.slice(1), [timestamp, seconds], JSON.stringify(text));
  }
  return expected.filter((each) => each !== null).length;
}

const two = (max: number) => fc.nat(max).map((value) => String(value).padStart(2, "0"));
const year = fc.oneof(
  fc.constantFrom("0000", "0001", "1969", "1970", "2020", "2024", "9999"),
  fc.nat(9999).map((value) => String(value).padStart(4, "0")),
);
const date = fc
  .tuple(
    fc.constantFrom("-", ""),
    fc.constantFrom("-", "-", "-", ""),
    year,
    two(13),
    two(32),
    two(54),
    fc.nat(8),
    fc.nat(2),
  )
  .map(([dash, other, y, month, day, week, weekday, form]) => {
    if (form === 0) return `${y}${dash}${month}${dash === "" ? "" : other}${day}`;
    return form === 1 ? `${y}${dash}W${week}` : `${y}${dash}W${week}${dash}${weekday}`;
  });
const fraction = fc.oneof(
  fc.constant(""),
  fc
    .tuple(fc.constantFrom(".", ",", ":", ""), fc.stringMatching(/^[0-9]{0,9}$/))
    .map((parts) => parts.join("")),
);
const clock = fc
  .tuple(fc.constantFrom(":", ":", ""), two(24), two(60), two(60), fc.nat(3), fraction)
  .map(
    ([colon, hour, minute, second, parts, rest]) => [hour, minute, second].slice(0, parts).join(colon) + rest,
  );
const zone = fc.oneof(
  fc.constantFrom(
    "",
    "",
    "Z",
    "z",
    "+00:00",
    "-00:00",
    "+00:00:00.5",
    "+23:59:59.999999",
    "-23:59:59.999999",
    "+24:00",
    "+00:99",
    " ",
  ),
  fc.tuple(fc.constantFrom("+", "-"), clock).map((parts) => parts.join("")),
);
const separator = fc.constantFrom(
  "",
  "T",
  "T",
  " ",
  "t",
  "-",
  "1",
  "W",
  "\0",
  "é",
  "€",
  "😀",
  "\ud800",
  "\udc80",
  "TT",
);
const moment = fc.tuple(date, separator, clock, zone).map((parts) => parts.join(""));

describe("parsePythonDatetime", () => {
  it("agrees with Python on explicit cases", { skip: requires("python") }, () => {
    const dates = agrees([
      "1970-01-01T00:00:01Z",
      "1970-01-01T00:00:01+00:00",
      "1970-01-01",
      "19700101",
      "1970W01",
      "1970-W01",
      "1970W011",
      "1970-W01-1",
      "2020-W53-7",
      "2021-W53-1",
      "9999-W52-5",
      "9999-W52-6",
      "0000-W52-7",
      "0001-W01-1",
      "2024-02-29",
      "2023-02-29",
      "1900-02-29",
      "2000-02-29",
      "2020-W01-0000",
      "2020-W01-1T00",
      "2020-W01-11",
      "2020W0100",
      "2020W01000",
      "2020W01T00",
      "2020W01",
      "2020W0",
      "2020-1-1",
      "2020-01-01T",
      "2020-01-01T1",
      "2020-01-01T12",
      "2020-01-01T12:",
      "2020-01-01T12:3",
      "2020-01-01T12:30",
      "2020-01-01T1230",
      "2020-01-01T12:3045",
      "2020-01-01T1230:45",
      "2020-01-01T12:30:45",
      "2020-01-01T123045",
      "2020-01-01T12:30:45.",
      "2020-01-01T12:30:45.1",
      "2020-01-01T12:30:45,123456789",
      "2020-01-01T12:30:45.123456x",
      "2020-01-01T12:30:45:5",
      "20200101T123045678",
      "2020-01-01T12.5",
      "2020-01-01T12:30.25",
      "2020-01-01T12:30:45.5Z",
      "2020-01-01T12:30:45ZZ",
      "2020-01-01T12:30:45Z\0x",
      "2020-01-01T12:30\0",
      "2020-01-01Z",
      "2020-01-01T12+01",
      "2020-01-01T12:+01",
      "2020-01-01T12:30:45+01:02:03.000004",
      "2020-01-01T12:30:45-01:02:03.000004",
      "2020-01-01T12:30:45+0102",
      "2020-01-01T12:30:45+1",
      "2020-01-01T12:30:45+",
      "2020-01-01T12:30:45+00:00:00.000001",
      "2020-01-01T24:00",
      "2020-01-01T23:60",
      "2020-01-01T23:59:60",
      "2020-01-01é",
      "2020-01-01é12",
      "2020-01-01\ud80012",
      "2020-01-0\ud8001T12",
      "\ud8002020-01-01",
      "2020-01-01T\ud80012",
      "20\u{1d7d0}0-01-01",
      " 2020-01-01",
      "2020-01-01 ",
      "2020-01-01  12",
      "",
      "now",
      "20",
      "2020-01",
      "1969-12-31T23:59:59.5Z",
      "1969-12-31T23:59:58.5Z",
      "9999-12-31T23:59:59.999999Z",
      "0001-01-01T00:00+23:59",
      "0001-01-01T00:00:00.000001Z",
    ]);
    assert.ok(dates > 30, `only ${dates} of the cases are dates`);
  });

  it("agrees with Python on generated texts", { skip: requires("python") }, () => {
    const dates = agrees(fc.sample(moment, 20_000));
    assert.ok(dates > 2000, `only ${dates} of the texts are dates`);
  });

  it("agrees with Python on texts with something put in, taken out or exchanged", {
    skip: requires("python"),
  }, () => {
    const seed = fc.constantFrom(
      "2020-01-02T03:04:05.678901+02:03",
      "20200102T030405Z",
      "2020-W05-3T01",
      "2020W053T0102,5-11",
    );
    const edited = fc
      .tuple(seed, fc.nat(33), fc.nat(2), fc.constantFrom(..."0123456789-+:.,TWZ é", "\0", ""))
      .map(([text, at, count, insert]) => text.slice(0, at) + insert + text.slice(at + count));
    const dates = agrees(fc.sample(edited, 5000));
    assert.ok(dates > 400, `only ${dates} of the texts are dates`);
  });

  it("prints what isoformat prints for times far and near", { skip: requires("python") }, () => {
    const times = fc.sample(
      fc.date({
        min: new Date("0001-01-03T00:00:00Z"),
        max: new Date("9999-12-29T00:00:00Z"),
        noInvalidDate: true,
      }),
      2000,
    );
    const offsets = fc.sample(fc.constantFrom("", "Z", "+14:00", "-12:34:56", "+00:00:01.5"), times.length);
    const texts = times.map((time, index) => time.toISOString().slice(0, -1) + offsets[index]);
    assert.equal(agrees(texts), texts.length);
  });

  it("takes `now` to be the moment passed in, in UTC, with microseconds only where there are any", () => {
    const now = (text: string) => parsePythonDatetime("now", { field: "created", now: new Date(text) });
    assert.equal(now("2024-05-06T07:08:09.012Z").isoformat(), "2024-05-06T07:08:09.012000+00:00");
    assert.equal(now("2024-05-06T07:08:09Z").isoformat(), "2024-05-06T07:08:09+00:00");
    assert.equal(now("2024-05-06T07:08:09.5Z").timestamp(), 1714979289.5);
    assert.equal(now("1960-01-01T23:00:00Z").isoformat(), "1960-01-01T23:00:00+00:00");
  });

  it("reads a naive time as UTC, whatever the machine's time zone", () => {
    const before = process.env["TZ"];
    try {
      process.env["TZ"] = "Asia/Tokyo";
      const time = parsePythonDatetime("1970-01-01T00:00:01", { field: "mtime" });
      assert.deepEqual([time.timestamp(), time.isoformat()], [1, "1970-01-01T00:00:01"]);
    } finally {
      if (before === undefined) delete process.env["TZ"];
      else process.env["TZ"] = before;
    }
  });

  it("names the field and the text that is no date", () => {
    assert.throws(() => parsePythonDatetime("yesterday", { field: "created" }), {
      code: "INVALID_CONF",
      message: /^the field created is "yesterday", which is no date/,
    });
    assert.throws(() => parsePythonDatetime("x".repeat(100_000), { field: "created" }), {
      code: "INVALID_CONF",
      message: /^.{1,300}$/,
    });
    assert.throws(() => parsePythonDatetime("now", { field: "mtime" }), {
      code: "INVALID_CONF",
      message: /mtime is "now"/,
    });
  });
});

describe("timestampSeconds", () => {
  it("cuts off toward zero, also before 1970", () => {
    const seconds = (text: string) => timestampSeconds(parsePythonDatetime(text, { field: "mtime" }));
    assert.equal(seconds("1969-12-31T23:59:58.5Z"), -1);
    assert.ok(Object.is(seconds("1969-12-31T23:59:59.5Z"), 0));
    assert.equal(seconds("1970-01-01T00:00:01.999999Z"), 1);
  });
});
