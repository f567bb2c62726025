import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { oneLine, shown, shownJson, shownLines } from "#util";

/** Texts with much in them that is unfit, and halves of characters. */
const texts = fc.string({
  unit: fc.oneof(
    fc.constantFrom(..."a\\\x1b\x07\x7f\x80\x9b\n\r\t\u202e\u2066\u200d\u2028\ufeff\ud83d\ude00\udc80"),
    fc.constantFrom("\u{e0041}", "\u{1f600}", "é"),
    fc.nat({ max: 0xffff }).map((code) => String.fromCharCode(code)),
  ),
});
const UNFIT = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/u;

describe("foreign text", () => {
  it("is shown as it is where it is fit, whatever the script", () => {
    for (const text of [
      "",
      "node:22-slim",
      "Größe: 3 µm",
      "日本語",
      "\u{1f600}",
      "C:\\x1b",
      "\u05d0\u05d1",
    ]) {
      assert.equal(shown(text), text);
      assert.equal(shownLines(text), text);
      assert.equal(oneLine(text), text);
    }
  });

  it("has an escape in place of each character that is unfit", () => {
    assert.equal(shown("a\x1b[31m\x07\x7f\u009b"), "a\\x1b[31m\\x07\\x7f\\x9b");
    assert.equal(shown("a\nb\r\tc"), "a\\nb\\r\\tc");
    assert.equal(
      shown("\u202egnp\u2066\u200f\u061c\u2028\ufeff"),
      "\\u202egnp\\u2066\\u200f\\u061c\\u2028\\ufeff",
    );
    assert.equal(shown("\ud800 \udcff \u{e0041}"), "\\ud800 \\udcff \\u{e0041}");
  });

  it("keeps its line ends and tabs where they are layout", () => {
    assert.equal(shownLines("a\n\tb\r\n\x1bc\u2028"), "a\n\tb\\r\n\\x1bc\\u2028");
  });

  it("is one line with single spaces where it is quoted", () => {
    assert.equal(oneLine(" one\r\n\t two\u2028three\x1b \n"), "one two three\\x1b");
    assert.equal(oneLine("a\n".repeat(10), 5), "a a …");
  });

  it("has nothing unfit in it, and stays as it is when it is shown again", () => {
    fc.assert(
      fc.property(texts, (text) => {
        assert.doesNotMatch(shown(text), UNFIT);
        assert.doesNotMatch(oneLine(text), UNFIT);
        assert.doesNotMatch(shownLines(text).replace(/[\n\t]/g, ""), UNFIT);
        assert.equal(shown(shown(text)), shown(text));
        assert.equal(shown(shownLines(text)), shown(text));
      }),
    );
  });

  it("is as long as may be and no longer, without a half of an escape or a character at its end", () => {
    fc.assert(
      fc.property(texts, fc.integer({ min: 1, max: 20 }), (text, limit) => {
        const whole = shown(text);
        const cut = shown(text, limit);
        assert.ok(cut.length <= limit);
        if (whole.length <= limit) assert.equal(cut, whole);
        else {
          assert.ok(whole.startsWith(cut.slice(0, -1)) && cut.endsWith("…"));
          const prefixes = [...text].map((_, at, all) => shown(all.slice(0, at).join("")));
          assert.ok(prefixes.includes(cut.slice(0, -1)));
        }
      }),
    );
  });

  it("is the very value in JSON, without what a terminal may not get", () => {
    fc.assert(
      fc.property(fc.dictionary(texts, texts), fc.constantFrom(undefined, 2), (value, indent) => {
        const json = shownJson(value, indent);
        assert.doesNotMatch(json.replaceAll("\n", ""), UNFIT);
        assert.deepEqual(JSON.parse(json), JSON.parse(JSON.stringify(value)));
      }),
    );
  });
});
