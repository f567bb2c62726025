import assert from "node:assert/strict";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { ListedAhead, type ListedTree, listTree } from "#fs";
import { listClaimed } from "../../../src/layers/fs/ahead.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

async function trees(t: TestContext): Promise<ListedTree[]> {
  const folder = await temporaryFolder(t);
  writeTree(join(folder, "a"), { dir: { x: { file: "1" } } });
  writeTree(join(folder, "b"), { dir: { y: { dir: { z: { file: "2" } } }, left: { file: "3" } } });
  writeTree(join(folder, "c"), { file: "4" });
  return [
    { source: join(folder, "a") },
    { source: join(folder, "b"), exclude: ["left"] },
    { source: join(folder, "c") },
  ];
}

describe("trees that a thread lists ahead", { timeout: 30_000 }, () => {
  it("are listed as they are listed otherwise, with their identity", async (t) => {
    const all = await trees(t);
    const ahead = ListedAhead.begin(all)!;
    const listings = await ahead.listings();
    for (const tree of all) {
      assert.ok(ahead.has(tree));
      assert.deepEqual(
        listings(tree),
        listTree(tree.source, { exclude: tree.exclude ?? [], identify: true }),
      );
    }
  });

  it("are others where something else is left out", async (t) => {
    const [a] = (await trees(t)) as [ListedTree];
    const ahead = ListedAhead.begin([a])!;
    await ahead.listings();
    assert.ok(ahead.has(a));
    assert.ok(!ahead.has({ ...a, exclude: ["x"] }));
    assert.ok(!ahead.has({ source: `${a.source}b` }));
  });

  it("leave what is gone to who asks for it", async (t) => {
    const all = await trees(t);
    rmSync(all[1]!.source, { recursive: true });
    const listings = await ListedAhead.begin(all)!.listings();
    assert.deepEqual(
      all.map((tree) => listings(tree) !== undefined),
      [true, false, true],
    );
  });

  it("are each listed by one, whoever is first", async (t) => {
    const all = await trees(t);
    const claims = new SharedArrayBuffer(4 * all.length);
    const [first, second] = [listClaimed({ trees: all, claims }), listClaimed({ trees: all, claims })];
    assert.deepEqual(
      first.map((listing) => listing !== undefined),
      [true, true, true],
    );
    assert.deepEqual(second, [undefined, undefined, undefined]);
  });

  it("stay with whoever has asked before the thread came to them", async (t) => {
    const all = await trees(t);
    const claims = new SharedArrayBuffer(4 * all.length);
    new Int32Array(claims)[1] = 1;
    assert.deepEqual(
      listClaimed({ trees: all, claims }).map((listing) => listing !== undefined),
      [true, false, true],
    );
  });
});
