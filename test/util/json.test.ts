import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { VarveError } from "#errors";
import { parseJson } from "../../src/util/json.ts";

const limits = { what: "the thing", maxBytes: 10_000 };
const parse = (text: string) => parseJson(Buffer.from(text), limits);
const refused = (code: string, words: RegExp) => (error: unknown) =>
  error instanceof VarveError &&
  error.code === code &&
  words.test(error.message) &&
  error.message.startsWith("the thing");

test("what JSON.stringify writes is read as it was", () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 6 }), fc.constantFrom(undefined, 2), (value, indent) => {
      const text = JSON.stringify(value, null, indent);
      assert.deepEqual(parseJson(Buffer.from(text), { what: "x", maxBytes: 1e9 }), JSON.parse(text));
    }),
  );
});

test("any bytes are either read as JSON.parse reads them or refused with a code", () => {
  const pieces = fc.constantFrom(
    "{",
    "}",
    "[",
    "]",
    ",",
    ":",
    '"a"',
    '"\\""',
    '"\\\\"',
    "1",
    "null",
    " ",
    '"',
    "\\",
  );
  fc.assert(
    fc.property(
      fc.oneof(
        fc.uint8Array(),
        fc.array(pieces).map((all) => Buffer.from(all.join(""))),
      ),
      (bytes) => {
        try {
          assert.deepEqual(parseJson(bytes, limits), JSON.parse(Buffer.from(bytes).toString()));
        } catch (error) {
          assert.ok(error instanceof VarveError && error.code === "INVALID_JSON", String(error));
        }
      },
    ),
    { numRuns: 1000 },
  );
});

test("a key that comes twice in one object is refused, however it is spelt", () => {
  assert.throws(() => parse('{"a":1,"b":{"a":2},"a":3}'), refused("INVALID_JSON", /"a" twice/));
  assert.throws(() => parse('[{"x":[{"k":1, "\\u006b":2}]}]'), refused("INVALID_JSON", /"k" twice/));
  assert.throws(() => parse('{"__proto__":1,"__proto__":2}'), refused("INVALID_JSON", /twice/));
  assert.throws(() => parse('{"q\\"":1,"q\\"":2}'), refused("INVALID_JSON", /twice/));
});

test("the same key in different objects, and the same string as a value, are fine", () => {
  const text = '{"a":"a","b":["a","a",{"a":{"a":"b"}}],"\\\\":"\\\\","c":"\\""}';
  assert.deepEqual(parse(text), JSON.parse(text));
});

test("comments, trailing commas, a byte order mark and broken UTF-8 are refused", () => {
  for (const text of ["{} // x", "[1,]", "\ufeff{}", "", "{'a':1}", "NaN", "[1] [2]"]) {
    assert.throws(() => parse(text), refused("INVALID_JSON", /not valid JSON/), text);
  }
  assert.throws(() => parseJson(Buffer.from([0x22, 0xff, 0x22]), limits), refused("INVALID_JSON", /UTF-8/));
});

test("nesting and size are bounded", () => {
  assert.throws(() => parse("[".repeat(201) + "]".repeat(201)), refused("INVALID_JSON", /nested/));
  assert.ok(parse("[".repeat(200) + "]".repeat(200)));
  const deep = Buffer.from("[".repeat(3_000_000));
  assert.throws(() => parseJson(deep, { what: "the thing", maxBytes: 1e9 }), refused("INVALID_JSON", /./));
  assert.throws(() => parse(`"${"x".repeat(10_000)}"`), refused("TOO_LARGE", /10002 bytes/));
});
