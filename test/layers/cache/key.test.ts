import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { layerKey } from "#cache";

/** A copy of a value in which every object has its keys in the opposite order. */
function reversed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(reversed);
  if (typeof value !== "object" || value === null) return value;
  const copy = Object.create(null) as Record<string, unknown>;
  for (const [name, field] of Object.entries(value).reverse()) copy[name] = reversed(field);
  return copy;
}

describe("a layer's key", () => {
  it("is the same whatever order the keys of objects are in", () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        assert.equal(layerKey(reversed(value)), layerKey(value));
      }),
    );
  });

  it("is another one for any other value", () => {
    fc.assert(
      fc.property(fc.jsonValue(), fc.jsonValue(), (a, b) => {
        const [left, right] = [a, b].map((value) => JSON.parse(JSON.stringify(value)) as unknown);
        let equal = true;
        try {
          assert.deepEqual(left, right);
        } catch {
          equal = false;
        }
        assert.equal(layerKey(a) === layerKey(b), equal);
      }),
    );
  });

  it("is another one when any one field, element or character changes", () => {
    const parts = {
      paths: [{ path: "/nix/store/a", hash: "sha256-x" }, "/b"],
      mtime: 1,
      modes: "keep",
      omit: null,
    };
    const others = [
      { ...parts, mtime: 2 },
      { ...parts, mtime: "1" },
      { ...parts, modes: "portable" },
      { ...parts, omit: [] },
      { ...parts, omit: false },
      { ...parts, more: null },
      { ...parts, paths: parts.paths.toReversed() },
      { ...parts, paths: [parts.paths] },
      { ...parts, paths: [{ path: "/nix/store/b", hash: "sha256-x" }, "/b"] },
      { ...parts, paths: [{ path: '/nix/store/a","hash":"sha256-x"', hash: "" }, "/b"] },
      [parts],
    ];
    assert.equal(new Set([parts, ...others].map(layerKey)).size, others.length + 1);
  });

  it("tells names apart that aren't valid Unicode", () => {
    assert.equal(new Set(["\udc80", "\udc81", "\ufffd", "\\udc80"].map(layerKey)).size, 4);
  });

  it("takes a field that is undefined for one that is left out", () => {
    assert.equal(layerKey({ a: 1, b: undefined }), layerKey({ a: 1 }));
  });

  it("refuses what JSON would lose", () => {
    const values = [
      undefined,
      NaN,
      Infinity,
      1n,
      () => 1,
      Symbol("x"),
      new Map(),
      new Date(0),
      Buffer.from("x"),
    ];
    for (const value of values) {
      assert.throws(() => layerKey({ value: [value] }), TypeError);
    }
    // biome-ignore lint/suspicious/noSparseArray: it is the case
    assert.throws(() => layerKey([1, , 2]), TypeError);
  });

  it("is what it was before, as long as the writer's format is", () => {
    assert.equal(
      layerKey({ b: [1, "é"], a: null }),
      "b1707d396b8e964ae93649c3bd4b1458d5e6d2e52e0de0dc7810d76f446a49d6",
    );
  });
});
