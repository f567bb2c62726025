import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { treemap } from "../../../../src/front/report/page/treemap.ts";

const MAP = { width: 1000, height: 560 };
const AREA = MAP.width * MAP.height;

describe("a treemap", () => {
  it("fills its map with tiles that don't overlap, as large as their numbers", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { minLength: 1, maxLength: 60 }), (sizes) => {
        const tiles = treemap(sizes, MAP);
        const total = sizes.reduce((sum, size) => sum + size, 0);
        // None is so small that it is drawn larger.
        fc.pre(Math.min(...sizes) >= total / 1500);
        for (const [index, { x, y, width, height }] of tiles.entries()) {
          assert.ok(Math.abs((width * height) / AREA - sizes[index]! / total) < 1e-9);
          assert.ok(x > -1e-6 && y > -1e-6 && x + width < MAP.width + 1e-6 && y + height < MAP.height + 1e-6);
          for (const other of tiles.slice(index + 1)) {
            const wide = Math.min(x + width, other.x + other.width) - Math.max(x, other.x);
            const high = Math.min(y + height, other.y + other.height) - Math.max(y, other.y);
            assert.ok(wide < 1e-6 || high < 1e-6);
          }
        }
      }),
    );
  });

  it("has a tile even for what is empty, and as squares where that can be", () => {
    for (const { width, height } of treemap([10_000_000, 0, 0, 1], MAP))
      assert.ok(width * height > AREA / 3000);
    assert.equal(treemap([0, 0], MAP).length, 2);
    assert.deepEqual(treemap([], MAP), []);
    const four = treemap([1, 1, 1, 1], { width: 100, height: 100 });
    assert.ok(four.every(({ width, height }) => width === 50 && height === 50));
  });
});
