import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { VarveError } from "#errors";
import {
  dumpPythonJson,
  type PyJson,
  parsePythonJson,
  pyObject,
} from "../../../../src/front/dockertools/python/index.ts";
import { askPython } from "../../../support/python.ts";
import { requires } from "../../../support/systems.ts";

const parse = (text: string) => parsePythonJson(text, { what: "conf.json" });
const roundTrip = (text: string) => dumpPythonJson(parse(text));

/** What Python makes of each text: `json.dumps(json.loads(text), indent=4)`, or null where it raises an error. */
function pythonRoundTrips(texts: readonly string[]): (string | null)[] {
  const program = `
def round_trip(text):
    try:
        return json.dumps(json.loads(text), indent=4)
    except ValueError:
        return None
output = [round_trip(text) for text in input]`;
  return askPython(program, texts);
}

function agrees(texts: readonly string[]): void {
  const expected = pythonRoundTrips(texts);
  for (const [index, text] of texts.entries()) {
    let actual: string | null = null;
    try {
      actual = roundTrip(text);
    } catch (error) {
      assert.ok(
        error instanceof VarveError && error.code === "INVALID_JSON",
        `${JSON.stringify(text)}: ${error}`,
      );
    }
    assert.equal(actual, expected[index], JSON.stringify(text));
  }
}

const failure = (message: RegExp) => ({ name: "VarveError", code: "INVALID_JSON", message });

const character = fc.oneof(
  fc.constantFrom(...'"\\/\b\f\n\r\t\0\x1f\x7f\x80\u2028\u2029\uffff\ud800\udbff\udc80\udfff😀'),
  fc.string({ minLength: 1, maxLength: 1, unit: "binary" }),
);
const anyString = fc.array(character, { maxLength: 12 }).map((parts) => parts.join(""));
const numeral = fc
  .tuple(
    fc.constantFrom("", "-"),
    fc.oneof(fc.nat().map(String), fc.bigInt({ min: 0n, max: 10n ** 40n }).map(String)),
    fc.oneof(
      fc.constant(""),
      fc.bigInt({ min: 0n, max: 10n ** 25n }).map((digits) => `.${digits}`),
    ),
    fc.oneof(
      fc.constant(""),
      fc.integer({ min: -400, max: 400 }).map((exponent) => `e${exponent}`),
    ),
  )
  .map((parts) => parts.join(""));

describe("parsePythonJson and dumpPythonJson", () => {
  it("agree with Python on explicit documents, good and bad", { skip: requires("python") }, () => {
    agrees([
      "0",
      "-0",
      "-0.0",
      "0.0",
      "1.0",
      "1e5",
      "1e15",
      "1e16",
      "1e-4",
      "1e-5",
      "123456789012345680.0",
      "1e400",
      "-1e400",
      "5e-324",
      "1.7976931348623157e308",
      "0.1",
      "100e-2",
      "1E5",
      "1e+5",
      "12345678901234567890123456789012345678901",
      "NaN",
      "Infinity",
      "-Infinity",
      "[-Infinity,NaN]",
      "- Infinity",
      "-NaN",
      "--Infinity",
      "-Infinityx",
      "NaN1",
      "01",
      "-",
      "-01",
      "1.",
      ".5",
      "+1",
      "1e",
      "1e+",
      "0x10",
      "1_000",
      "1Infinity",
      "١",
      "true",
      "false",
      "null",
      "True",
      "nul",
      "truefalse",
      "",
      " ",
      "\n\t\r 1 \r\n",
      "\u00a01",
      "\ufeff1",
      "1\u2028",
      "1\0",
      "[]",
      "{}",
      "[ ]",
      "{\n}",
      "[[]]",
      '{"a":{}}',
      "[1,]",
      "[,1]",
      "[1 2]",
      "[1",
      "]",
      "[1}",
      "{1:2}",
      '{"a"}',
      '{"a":}',
      '{"a" 1}',
      '{"a":1,}',
      '{"a":1 "b":2}',
      "{a:1}",
      "{'a':1}",
      '{"a":1]',
      '{"a":1}}',
      "1 2",
      "[1]//",
      "/* */1",
      "[1/]",
      "//",
      '{"10":1,"9":2,"b":3,"1":4}',
      '{"a":1,"b":2,"a":3}',
      '{"":1,"__proto__":2,"constructor":3}',
      '"\\ud83d\\ude00"',
      '"\\ud83d"',
      '"\\ude00\\ud83d"',
      '"\\ud83dx"',
      '"\\udc80"',
      '"😀é\x7f"',
      '"\\u00E9"',
      '"\\/\\b\\f\\n\\r\\t\\"\\\\"',
      '"\\x41"',
      '"\\u12"',
      '"\\u12g4"',
      '"\\U00000041"',
      '"\\',
      '"',
      '"a\nb"',
      '"a\tb"',
      '"\\u0000"',
      '"a',
      '["a", "a\x01"]',
      `[${"9".repeat(4300)}]`,
      `[-${"9".repeat(4300)}]`,
      "9".repeat(4301),
      `${"9".repeat(4301)}.0`,
      `1e${"0".repeat(5000)}5`,
    ]);
  });

  it("agree with Python on generated values", { skip: requires("python") }, () => {
    const value = fc.letrec<{ value: string; list: string; object: string; scalar: string }>((tie) => ({
      value: fc.oneof({ maxDepth: 5 }, tie("scalar"), tie("list"), tie("object")),
      scalar: fc.oneof(
        numeral,
        fc.double().map(String),
        anyString.map((text) => JSON.stringify(text)),
        fc.constantFrom("true", "false", "null", "NaN", "-Infinity", "[]", "{}"),
      ),
      list: fc.array(tie("value"), { maxLength: 5 }).map((items) => `[${items.join(" , ")}]`),
      object: fc
        .array(fc.tuple(fc.oneof(anyString, fc.nat(20).map(String)), tie("value")), { maxLength: 5 })
        .map((entries) => `{${entries.map(([key, item]) => `${JSON.stringify(key)} :${item}`).join(",")}}`),
    })).value;
    agrees(fc.sample(value, 2000));
  });

  it("agree with Python on what is no JSON", { skip: requires("python") }, () => {
    const pieces = fc.constantFrom(
      ...'[]{},:"\\ -+.eE019\n/*'.split(""),
      "NaN",
      "Infinity",
      "true",
      '"a"',
      '"a":1',
      "[1]",
    );
    agrees(
      fc.sample(
        fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join("")),
        5000,
      ),
    );
  });

  it("agree with Python on every shape of float", { skip: requires("python") }, () => {
    const doubles = fc.sample(fc.double({ noDefaultInfinity: true, noNaN: true }), 3000);
    const round = fc.sample(fc.tuple(fc.integer(), fc.integer({ min: -30, max: 30 })), 2000);
    agrees([
      `[${doubles.map((value) => value.toExponential()).join(",")}]`,
      `[${round.map(([digits, exponent]) => `${digits}e${exponent}`).join(",")}]`,
    ]);
  });

  it("keep what JavaScript's own objects and numbers would lose", () => {
    assert.deepEqual(
      parse('{"b": 1, "10": 1.0, "b": 12345678901234567890}'),
      new Map<string, PyJson>([
        ["b", 12345678901234567890n],
        ["10", 1],
      ]),
    );
  });

  it("say where the text stops being JSON", () => {
    assert.throws(
      () => parse('{\n  "a": 1,\n  "b": tru\n}'),
      failure(/^conf\.json is not valid JSON: line 3, column 8 has no value/),
    );
    assert.throws(() => parse("[1, 2"), failure(/line 1, column 6 has no comma and no \]/));
    assert.throws(() => parse("[1, // one\n2]"), failure(/line 1, column 5 has a comment/));
    assert.throws(() => parse("9".repeat(5000)), failure(/more than 4300 digits/));
  });

  it("refuse deep nesting instead of exhausting the stack, and print what they accept", () => {
    for (const [open, close] of [
      ["[", "]"],
      ['{"a":', "}"],
    ] as const) {
      assert.throws(() => parse(open.repeat(1001)), failure(/1000 levels/));
      assert.throws(() => parse(open.repeat(1_000_000)), failure(/1000 levels/));
      const deepest = `${open.repeat(999)}[1]${close.repeat(999)}`;
      assert.equal(roundTrip(deepest).replaceAll(/\s/g, ""), deepest);
    }
  });

  it("indent by as much as is asked for", () => {
    const document = pyObject({ list: [1n, null], empty: [], "no keys": new Map() });
    assert.equal(
      dumpPythonJson(document, 1),
      '{\n "list": [\n  1,\n  null\n ],\n "empty": [],\n "no keys": {}\n}',
    );
    assert.equal(dumpPythonJson([true], 0), "[\ntrue\n]");
  });
});
