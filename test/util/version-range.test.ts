import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { hasMajor, satisfies, validRange } from "#util";

describe("ranges of versions", () => {
  const cases: readonly (readonly [range: string, fits: readonly string[], others: readonly string[]])[] = [
    [">=22", ["22.0.0", "24.1.0"], ["20.19.5"]],
    ["^20.19.0 || >=22.12.0", ["20.19.0", "22.12.0", "26.0.0"], ["20.18.9", "21.0.0", "22.11.9"]],
    ["18 || 20", ["18.0.1", "20.9.9"], ["19.0.0", "22.0.0"]],
    ["~22.1.3", ["22.1.3", "22.1.9"], ["22.2.0", "22.1.2"]],
    ["22.x", ["22.9.1"], ["23.0.0"]],
    [">= 18 < 21", ["18.0.0", "20.99.0"], ["21.0.0"]],
    ["18 - 20.1", ["18.0.0", "20.1.9"], ["20.2.0"]],
    [">22", ["23.0.0"], ["22.99.0"]],
    ["<=22", ["22.99.0"], ["23.0.0"]],
    ["^0.12.3", ["0.12.9"], ["0.13.0"]],
    ["*", ["0.1.0", "99.0.0"], []],
    ["", ["22.0.0"], []],
  ];
  for (const [range, fits, others] of cases) {
    it(`are read as npm reads them: ${JSON.stringify(range)}`, () => {
      assert.ok(validRange(range));
      for (const version of fits) assert.ok(satisfies(version, range), version);
      for (const version of others) assert.ok(!satisfies(version, range), version);
    });
  }

  it("have versions of some lines, and none of others", () => {
    const lines = [0, 18, 19, 20, 21, 22, 24];
    const has = (range: string) => lines.filter((major) => hasMajor(range, major));
    assert.deepEqual(has("^18.19.0 || >=20.5 <22"), [18, 20, 21]);
    assert.deepEqual(has(">18"), [19, 20, 21, 22, 24]);
    assert.deepEqual(has("<18.0.0"), [0]);
    assert.deepEqual(has("18.x.3 || 20.*"), [18, 20]);
    assert.deepEqual(has(">=20 <18"), []);
    for (const range of ["*", "", "lts/*", "v"]) assert.deepEqual(has(range), lines);
    // The rest of it holds.
    assert.deepEqual(has(">=22 or so"), [22, 24]);
  });

  it("aren't taken for more than is understood", () => {
    assert.equal(validRange("lts/*"), false);
    assert.equal(satisfies("22.0.0-nightly", ">=24"), true);
  });
});
