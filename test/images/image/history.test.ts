import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { componentSummaries, componentsComment, componentsOf } from "#image";
import { madeImage } from "#testing";
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
  it("lists few packages of a Node project, and of many says how many they are", () => {
    const packages = ["a", "b", "c", "d"].map((name) => `node_modules/${name}`);
    const few = packages.slice(1, 3);
    assert.equal(componentsComment(few), 'packages: ["node_modules/b","node_modules/c"]');
    assert.deepEqual(componentsOf(componentsComment(few)), few);
    assert.equal(componentsComment(packages), "4 packages, such as node_modules/a");
    assert.deepEqual(componentsOf(componentsComment(packages)), []);
  });

  it("tells how many components a layer has, where it doesn't list them", async () => {
    const packages = ["a", "b", "c", "d"].map((name) => `node_modules/${name}`);
    const image = await madeImage([
      { entries: { etc: { dir: true } } },
      { components: packages, entries: {} },
      { components: packages.slice(1), entries: {} },
    ]);
    const known = image.layers.map((layer) => ({ ...layer, components: [] }));
    const counts = (of: typeof image) => componentSummaries(of).map(({ count }) => count);
    assert.deepEqual(counts({ ...image, layers: known }).slice(0, 2), [0, 4]);
    assert.deepEqual(counts(image), [0, 4, 3]);
  });

  it("gives back the components that it was made of", () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.array(component.map((name) => `/${name}`)), fc.array(component, { maxLength: 3 })),
        (components) => assert.deepEqual(componentsOf(componentsComment(components)), components),
      ),
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
