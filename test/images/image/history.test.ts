import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { componentsComment, componentsOf } from "#image";
import { pythonRepr } from "../../../src/front/dockertools/python/index.ts";

/** Names as they come from a file system: no NUL, and bytes that aren't UTF-8 alone. */
const component = fc.oneof(
  fc.string({ unit: "binary", minLength: 1 }),
  fc.constantFrom(
    "it's",
    'say "x"',
    `both ' and "`,
    "a\nb\t\\n",
    "\\",
    "\\'",
    "\x01\x7f\x9f",
    "\udcff",
    "é😀",
    "], [",
    "\u2028",
  ),
);

describe("a comment on a layer", () => {
  it("gives back the components that it was made of", () => {
    fc.assert(
      fc.property(fc.array(component), (components) => {
        assert.deepEqual(componentsOf(componentsComment(components)), components);
      }),
    );
  });

  it("is read as Python's script writes it, too", () => {
    fc.assert(
      fc.property(fc.array(component), (components) => {
        assert.deepEqual(componentsOf(`store paths: ${pythonRepr(components)}`), components);
      }),
    );
  });

  it("of any other kind names no components", () => {
    for (const comment of [
      undefined,
      null,
      "",
      "buildkit.dockerfile.v0",
      'store path: ["a"]',
      ' store paths: ["a"]',
      "store paths: ",
    ]) {
      assert.deepEqual(componentsOf(comment), []);
    }
  });

  it("that is broken is read as far as it goes, and never for long", () => {
    assert.deepEqual(componentsOf('store paths: ["a", "b'), ["a"]);
    assert.deepEqual(componentsOf("store paths: ['\\Uffffffff']"), ["\\Uffffffff"]);
    componentsOf(`store paths: ${'"\\'.repeat(200_000)}`);
    componentsOf(`store paths: ${"'".repeat(200_001)}`);
  });
});
