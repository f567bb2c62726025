import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { isoTime } from "../../../src/front/dockertools/date.ts";

const T = "2024-01-02T03:04:05+00:00";
const DAY = "2024-01-02T00:00:00+00:00";

describe("dates of images", () => {
  it("are read in each form that has one meaning", () => {
    for (const [text, time] of [
      ["now", "now"],
      ["@1704164645", T],
      ["@1704164645.9", T],
      ["@-1", "1969-12-31T23:59:59+00:00"],
      ...["2024-01-02", "2024-1-2", "2024/01/02", "20240102", " 20240102\n"].map(
        (text) => [text, DAY] as const,
      ),
      ...["2 Jan 2024", "2-Jan-2024", "2 january 2024", "Tue, 2 Jan 2024"].map(
        (text) => [text, DAY] as const,
      ),
      ...["Jan 2, 2024", "January 2 2024", "Tuesday, Jan. 2, 2024"].map((text) => [text, DAY] as const),
      ["20240102030405", T],
      ["20240102T030405", T],
      ["20240102T030405Z", T],
      ["20240102T050405+0200", T],
      ["20240102T050405,5+02", T],
      ["20240102T0304", "2024-01-02T03:04:00+00:00"],
      ["20240102 03:04:05", T],
      ["2024-01-02T03:04:05Z", T],
      ["2024-01-02 3:04:05.999 UTC", T],
      ["2024-01-01 22:04:05,5-05:00", T],
      ["2024-01-01 22:04:05 -0500", T],
      ["2024-01-02 03:04", "2024-01-02T03:04:00+00:00"],
      ["Tue, 02 Jan 2024 03:04:05 +0000", T],
      ["Tue, 02 Jan 2024 03:04:05 GMT", T],
      ["Mon, 1 Jan 2024 22:04:05 -0500 (EST)", T],
      ["2 Jan 2024 03:04:05", T],
      ["Tue Jan  2 03:04:05 UTC 2024", T],
      ["Tue Jan  2 03:04:05 2024", T],
      ["29 Sept 2024", "2024-09-29T00:00:00+00:00"],
      ["0099-12-31", "0099-12-31T00:00:00+00:00"],
    ] as const) {
      assert.equal(isoTime(text, "created"), time, text);
    }
  });

  it("are refused where they depend on a day, a place or a guess, or are in no calendar", () => {
    for (const text of [
      ...["", "yesterday", "today", "2 days ago", "03:04", "2024-01-02 + 1 day", "Tuesday", "2024"],
      ...["01/02/2024", "1.2.2024", "02-01-24", "2 Jan 24", "Jan 2", "2024-01", "202401"],
      ...[
        "2024-01-02 03:04 CST",
        "2024-01-02 03:04 EST",
        "2024-01-02T03",
        "2024-01-02 0304",
        'TZ="UTC" 2024-01-02',
      ],
      ...[
        "2024-02-30",
        "2023-02-29",
        "20241301",
        "2024-01-02 24:00",
        "2024-01-02 23:60",
        "2024-01-02 23:59:60",
      ],
      ...[
        "Mon, 02 Jan 2024 03:04:05 +0000",
        "2024-01/02",
        "0000-01-01",
        "2024-01-02 00:00 +24:00",
        "@",
        "@1x",
        "@999999999999",
      ],
    ]) {
      assert.throws(
        () => isoTime(text, "mtime"),
        { code: "INVALID_CONF", message: /^mtime is ".*", which/ },
        text,
      );
    }
  });
});
