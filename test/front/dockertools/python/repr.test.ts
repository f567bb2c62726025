import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { describe, it } from "node:test";
import fc from "fast-check";
import { pythonFloat, pythonRepr } from "../../../../src/front/dockertools/python/index.ts";
import { askPython } from "../../../support/python.ts";
import { requires } from "../../../support/systems.ts";

describe("pythonRepr", () => {
  it("prints every single code point as Python does", { skip: requires("python") }, () => {
    const program = `
import hashlib
output = []
for start in range(0, 0x110000, 0x1000):
    text = "\\n".join(repr(chr(point)) for point in range(start, start + 0x1000))
    output.append(hashlib.sha256(text.encode()).hexdigest())`;
    const expected = askPython<string[]>(program, null);
    assert.equal(expected.length, 0x110);
    for (const [index, digest] of expected.entries()) {
      const start = index * 0x1000;
      const lines = Array.from({ length: 0x1000 }, (_, point) =>
        pythonRepr(String.fromCodePoint(start + point)),
      );
      const actual = createHash("sha256").update(lines.join("\n")).digest("hex");
      assert.equal(actual, digest, `between U+${start.toString(16)} and U+${(start + 0xfff).toString(16)}`);
    }
  });

  it("agrees with Python on generated lists of strings", { skip: requires("python") }, () => {
    const character = fc.oneof(
      fc.constantFrom(
        "'",
        '"',
        "\\",
        "\n",
        "\t",
        "\r",
        "\x1b",
        "\x7f",
        "\xa0",
        "\xad",
        "\u2028",
        "\ud800",
        "\udc80",
        "\u{10ffff}",
      ),
      fc.string({ minLength: 1, maxLength: 1, unit: "binary" }),
      fc.string({ minLength: 1, maxLength: 1 }),
    );
    const lists = fc.sample(
      fc.array(
        fc.array(character, { maxLength: 8 }).map((parts) => parts.join("")),
        { maxLength: 5 },
      ),
      2000,
    );
    const expected = askPython<string[]>("output = [repr(strings) for strings in input]", lists);
    assert.deepEqual(lists.map(pythonRepr), expected);
  });

  it("chooses the quotes that need no escape", () => {
    assert.equal(pythonRepr([]), "[]");
    assert.equal(
      pythonRepr(["/nix/store/a", "it's", 'say "x"', `both ' and "`]),
      `['/nix/store/a', "it's", 'say "x"', 'both \\' and "']`,
    );
    assert.equal(pythonRepr("it's \udc80"), `"it's \\udc80"`);
  });

  it("takes Unicode 14's word for what is printable, whatever the engine's", () => {
    // A letter of Unicode 15, one of 14.
    assert.equal(pythonRepr("\u{1e4d0}\u{1e290}"), "'\\U0001e4d0\u{1e290}'");
  });
});

describe("pythonFloat", () => {
  it("prints whole floats with a point, and very large and small ones with an exponent of two digits", () => {
    assert.deepEqual(
      [1, -0, 100000, 1e15, 1e16, 1.5e-5, 1e-4, 1e100, Number.NEGATIVE_INFINITY, Number.NaN].map(pythonFloat),
      [
        "1.0",
        "-0.0",
        "100000.0",
        "1000000000000000.0",
        "1e+16",
        "1.5e-05",
        "0.0001",
        "1e+100",
        "-Infinity",
        "NaN",
      ],
    );
  });
});
