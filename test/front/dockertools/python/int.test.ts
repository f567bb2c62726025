import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { VarveError } from "#errors";
import { parsePythonJson, pythonInt } from "../../../../src/front/dockertools/python/index.ts";
import { askPython } from "../../../support/python.ts";
import { requires } from "../../../support/systems.ts";

function agrees(documents: readonly string[]): void {
  const program = `
def answer(document):
    try:
        return str(int(json.loads(document)))
    except (TypeError, ValueError, OverflowError):
        return None
output = [answer(document) for document in input]`;
  const expected = askPython<(string | null)[]>(program, documents);
  for (const [index, document] of documents.entries()) {
    let actual: string | null = null;
    try {
      actual = String(pythonInt(parsePythonJson(document, { what: "value" }), "uid"));
    } catch (error) {
      assert.ok(error instanceof VarveError && error.code === "INVALID_CONF", `${document}: ${error}`);
    }
    assert.equal(actual, expected[index], document);
  }
}

describe("pythonInt", () => {
  it("agrees with Python on numbers, constants and containers", { skip: requires("python") }, () => {
    agrees([
      "0",
      "-0",
      "1.9",
      "-1.9",
      "-0.5",
      "1e20",
      "1e400",
      "NaN",
      "true",
      "false",
      "null",
      "[]",
      "{}",
      "[1]",
      "9007199254740993",
    ]);
  });

  it("agrees with Python on explicit strings", { skip: requires("python") }, () => {
    const texts = [
      "",
      " ",
      "0",
      "-0",
      "+7",
      "007",
      "0x10",
      "1e3",
      "1.0",
      "1_000",
      "1__0",
      "_1",
      "1_",
      "+_1",
      "- 1",
      "--1",
      "+-1",
      " 1 ",
      "\t\n\v\f\r 1\n",
      "\x1c1",
      "1\x1c",
      "\x851\u3000",
      "\ufeff1",
      "\u200b1",
      "1 2",
      "1\0",
      "\u0661\u0662",
      "\u{1d7d0}\u{1d7e2}",
      "1\u0663_\u0664",
      "²",
      "Ⅷ",
      "\u{1e4f1}",
      "\ud835",
      "9".repeat(4300),
      "9".repeat(4301),
      "0".repeat(4301),
      `-${"1_".repeat(4299)}1`,
      `-${"1_".repeat(4300)}1`,
      "２０",
    ];
    agrees(texts.map((text) => JSON.stringify(text)));
  });

  it("agrees with Python on generated strings", { skip: requires("python") }, () => {
    const piece = fc.oneof(
      fc.constantFrom(..."+-_ \t\n", "\u00a0", "\u2028", "\x1f", "0"),
      fc.nat(999).map(String),
      fc
        .integer({ min: 0, max: 0x10ffff })
        .filter((point) => point < 0xd800 || point > 0xdfff)
        .map((point) => String.fromCodePoint(point)),
    );
    agrees(fc.sample(fc.array(piece, { maxLength: 5 }), 3000).map((parts) => JSON.stringify(parts.join(""))));
  });

  it("agrees with Python on every code point as a digit", { skip: requires("python") }, () => {
    const expected = askPython<[number, number][]>(
      "output = [[point, int(chr(point))] for point in range(0x110000) if chr(point).isdecimal()]",
      null,
    );
    assert.ok(expected.length > 600);
    const actual: [number, number][] = [];
    for (let point = 0; point < 0x110000; point++) {
      const text = String.fromCodePoint(point);
      if (/\p{Nd}/u.test(text)) {
        try {
          actual.push([point, Number(pythonInt(text, "uid"))]);
        } catch {
          // A digit of a Unicode newer than Python's.
        }
      }
    }
    assert.deepEqual(actual, expected);
  });

  it("is exact beyond the safe integers, and a number within them", () => {
    assert.equal(pythonInt(9007199254740991n, "uid"), 9007199254740991);
    assert.equal(pythonInt("9007199254740993", "uid"), 9007199254740993n);
  });

  it("names the field and the value", () => {
    assert.throws(() => pythonInt("root", "gid"), {
      code: "INVALID_CONF",
      message: /^the field gid is "root", which is not an integer/,
    });
    assert.throws(() => pythonInt(null, "gid"), { message: /gid is null/ });
  });
});
