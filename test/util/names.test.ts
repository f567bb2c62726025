import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { compareNames, decodeName, encodeName, fsPath, isAscii, sortNames } from "#util";
import { askPython } from "../support/python.ts";
import { requires } from "../support/systems.ts";

/** Bytes that are often UTF-8, and often almost. */
const bytes = fc
  .array(
    fc.oneof(
      fc.string({ unit: "binary", minLength: 1, maxLength: 3 }).map((text) => Buffer.from(text)),
      fc.uint8Array({ minLength: 1, maxLength: 4 }),
      fc.constantFrom(
        [0xef, 0xbf, 0xbd],
        [0xed, 0xa0, 0x80],
        [0xf4, 0x90, 0x80, 0x80],
        [0xc0, 0xaf],
        [0xe2, 0x82],
      ),
      fc.constantFrom([0xef, 0xbb, 0xbf], [0xc3], [0xa9], [0x00]),
    ),
    { maxLength: 6 },
  )
  .map((parts) => Buffer.concat(parts.map((part) => Uint8Array.from(part))));

/** Names as they come from bytes. */
const name = bytes.map(decodeName);

describe("a name", () => {
  it("gives back the bytes it was read from, whatever they are", () => {
    fc.assert(
      fc.property(fc.oneof(bytes, fc.uint8Array({ maxLength: 40 })), (original) => {
        assert.deepEqual([...encodeName(decodeName(original))], [...original]);
      }),
      { numRuns: 2000 },
    );
  });

  it("is what Python reads with surrogateescape", { skip: requires("python") }, () => {
    fc.assert(
      fc.property(fc.array(bytes, { minLength: 500, maxLength: 500, size: "max" }), (all) => {
        const program = 'output = [bytes.fromhex(each).decode("utf-8", "surrogateescape") for each in input]';
        const expected = askPython<string[]>(
          program,
          all.map((each) => each.toString("hex")),
        );
        assert.deepEqual(all.map(decodeName), expected);
      }),
      { numRuns: 2 },
    );
  });

  it("is text for node:fs where it can be, else its bytes", () => {
    assert.equal(fsPath("/größe/😀"), "/größe/😀");
    assert.deepEqual(fsPath("/\udcff/x"), Buffer.from([0x2f, 0xff, 0x2f, 0x78]));
  });

  it("keeps a replacement character that is its own, a byte order mark and a NUL", () => {
    for (const text of ["\ufffd", "\ufffda\udcff", "\ufeffa", "a\0b"])
      assert.equal(decodeName(encodeName(text)), text);
  });

  it("is ASCII if every character is", () => {
    assert.ok(isAscii("") && isAscii("a\0\x7f"));
    assert.ok(!isAscii("a\x80") && !isAscii("\udcff"));
  });
});

describe("the order of names", () => {
  const samples = [
    "",
    "a",
    "a\0",
    "a-",
    "a/",
    "aa",
    "\x7f",
    "é",
    "\ud7ff",
    "\udc80",
    "\udcff",
    "\ue000",
    "\uffff",
    "😀",
    "😀a",
    "\u{10000}",
    "\u{10ffff}",
  ];

  it("is Python's", { skip: requires("python") }, () => {
    fc.assert(
      fc.property(
        fc.array(fc.oneof(name, fc.constantFrom(...samples)), {
          minLength: 400,
          maxLength: 400,
          size: "max",
        }),
        (names) => {
          const expected = askPython<string[]>("output = sorted(input)", names);
          assert.deepEqual(names.toSorted(compareNames), expected);
          assert.deepEqual(sortNames([...names]), expected);
        },
      ),
      { numRuns: 3 },
    );
  });

  it("is an order: no name is before itself, and of two others one is first", () => {
    for (const a of samples) {
      for (const b of samples) {
        assert.equal(Math.sign(compareNames(a, b)) + Math.sign(compareNames(b, a)), 0);
        assert.equal(compareNames(a, b) === 0, a === b);
      }
    }
  });

  it("is by code point, and not by UTF-16", () => {
    assert.ok(compareNames("\uffff", "😀") < 0);
    assert.ok(compareNames("x\ue000", "x\u{10000}") < 0);
    assert.ok(compareNames("\u{10000}", "\u{10400}") < 0);
    assert.ok(compareNames("\u{1f600}", "\u{1f601}") < 0);
    assert.deepEqual(sortNames(["😀", "b", "\uffff", "a"]), ["a", "b", "\uffff", "😀"]);
  });
});
