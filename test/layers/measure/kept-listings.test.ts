import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { type CachedLayer, type DigestCache, type LayerKey, openDigestCache } from "#cache";
import { KeptListings, type LayerRecipe, listTree, type TreeItem } from "#fs";
import { type MeasureOptions, measureLayers, unmeasuredLayers } from "#measure";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** Long after what the tests write. */
const NOW = Date.now() + 60_000;

async function scene(t: TestContext) {
  const folder = await temporaryFolder(t);
  const source = join(folder, "tree");
  writeTree(source, { dir: { a: { file: "a" }, b: { file: "b" } } });
  const cache = openDigestCache({ folder: join(folder, "cache"), now: () => NOW });
  const item: TreeItem = { kind: "tree", source, target: "/tree", exclude: ["b"] };
  const recipe: LayerRecipe = {
    items: [item],
    owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
    mtime: 1,
    modes: "portable",
    components: ["tree"],
  };
  const list = () => listTree(source, { exclude: ["b"], identify: true });
  const layerOf = async (options: MeasureOptions) => (await measureLayers([recipe], options).next()).value!;
  return { source, cache, item, recipe, list, layerOf };
}

describe("a listing that was kept", () => {
  it("tells what the cache knows of a layer, so that nothing is listed again", async (t) => {
    const { source, cache, item, recipe, list, layerOf } = await scene(t);
    const kept = () => {
      const listings = new KeptListings(NOW);
      listings.keep(item, before);
      return listings;
    };
    const { diffId } = await layerOf({ cache });
    const before = list();
    rmSync(source, { recursive: true });
    assert.equal((await layerOf({ cache, kept: kept() })).diffId, diffId);
    const unmeasured = await unmeasuredLayers([recipe], { cache, kept: kept() }).next();
    assert.ok("diffId" in unmeasured.value!);
    assert.equal(unmeasured.value.diffId, diffId);
    await assert.rejects(layerOf({ cache }), { code: "NOT_FOUND" });
  });

  it("stands for no tree that a thread lists itself", async (t) => {
    const { source, item, list, layerOf } = await scene(t);
    const kept = new KeptListings(NOW);
    kept.keep(item, list());
    writeFileSync(join(source, "a"), "another");
    const stored: [LayerKey, string][] = [];
    const cache = {
      now: () => NOW,
      layer: () => undefined,
      putLayer: (key: LayerKey, { diffId }: CachedLayer) => stored.push([key, diffId]),
    } as unknown as DigestCache;
    await layerOf({ cache, kept });
    await layerOf({ cache });
    assert.deepEqual(stored[0], stored[1]);
  });

  it("is given away once, and only for the same tree without the same paths", async (t) => {
    const { item, list } = await scene(t);
    const kept = new KeptListings(NOW);
    const listing = list();
    kept.keep(item, listing);
    const { exclude: _, ...whole } = item;
    assert.equal(kept.take(whole), undefined);
    assert.ok(kept.has(item));
    assert.equal(kept.take(item), listing);
    assert.equal(kept.take(item), undefined);
  });

  it("has an end to its room", async (t) => {
    const { item, list } = await scene(t);
    const kept = new KeptListings(NOW);
    const large = { ...list(), modes: new Uint32Array(150_000) };
    const other = { ...item, source: "/other" };
    kept.keep(item, large);
    kept.keep(other, large);
    assert.equal(kept.has(other), false);
    kept.take(item);
    kept.keep(other, large);
    assert.ok(kept.has(other));
  });
});
