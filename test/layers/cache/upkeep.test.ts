import assert from "node:assert/strict";
import { readFileSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { temporaryFolder } from "../../support/tmp.ts";
import {
  blobKeyOf,
  blobOf,
  DAY,
  filesIn,
  keyOf,
  layerOf,
  NOW,
  openAt,
  openWithClock,
} from "./support/samples.ts";

/** Which of the first ten layers a cache has, without using them. */
function layersIn(folder: string): number[] {
  const known = new Set([...openAt(folder).exportEntries()].map(({ digest }) => digest));
  return Array.from({ length: 10 }, (_, number) => number).filter((number) =>
    known.has(layerOf(number).diffId),
  );
}

describe("pruning", () => {
  it("removes what was not used for longer than allowed", async (t) => {
    const folder = await temporaryFolder(t);
    const { cache, clock } = openWithClock(folder);
    for (const number of [1, 2]) cache.putLayer(keyOf(number), layerOf(number));
    clock.now = NOW + 5 * DAY;
    cache.layer(keyOf(2));
    clock.now = NOW + 10 * DAY;
    assert.deepEqual(cache.prune({ maxAge: 10 * DAY }), { removed: 0, kept: 2 });
    assert.deepEqual(cache.prune({ maxAge: 10 * DAY - 1 }), { removed: 1, kept: 1 });
    assert.deepEqual(layersIn(folder), [2]);
  });

  it("keeps of too many those that were used last", async (t) => {
    const folder = await temporaryFolder(t);
    const { cache, clock } = openWithClock(folder);
    for (const number of [4, 1, 3, 2]) {
      clock.now += 1000;
      cache.putLayer(keyOf(number), layerOf(number));
    }
    assert.deepEqual(cache.prune({ maxEntries: 2 }), { removed: 2, kept: 2 });
    assert.deepEqual(layersIn(folder), [2, 3]);
    assert.deepEqual(cache.prune({ maxEntries: 0 }), { removed: 2, kept: 0 });
    assert.deepEqual(filesIn(folder), []);
  });

  it("takes entries from the future, after a clock was set back, for new ones", async (t) => {
    const folder = await temporaryFolder(t);
    const { cache, clock } = openWithClock(folder);
    cache.putLayer(keyOf(1), layerOf(1));
    cache.putLayer(keyOf(2), layerOf(2));
    clock.now = NOW - 3650 * DAY;
    cache.putLayer(keyOf(3), layerOf(3));
    assert.deepEqual(cache.prune({ maxAge: DAY }), { removed: 0, kept: 3 });
    assert.deepEqual(cache.layer(keyOf(1)), layerOf(1));
    // What was used under the clock that was set back is as old as anything used then.
    clock.now += 2 * DAY;
    assert.deepEqual(cache.prune({ maxAge: DAY }), { removed: 2, kept: 1 });
    assert.deepEqual(layersIn(folder), [2]);
  });

  it("removes what a process left that was killed, but not what one is writing", async (t) => {
    const folder = await temporaryFolder(t);
    const cache = openAt(folder);
    cache.putLayer(keyOf(1), layerOf(1));
    const aside = join(folder, "digests-v2", "aside");
    const times = { old: NOW - 61_000, new: NOW - 59_000, future: NOW + DAY };
    for (const [name, time] of Object.entries(times)) {
      writeFileSync(join(aside, `${name}.tmp`), "");
      utimesSync(join(aside, `${name}.tmp`), time / 1000, time / 1000);
    }
    cache.prune();
    assert.deepEqual(filesIn(folder, ".tmp"), [join(aside, "new.tmp")]);
  });

  it("is done when something is written, but not more than once a day", async (t) => {
    const folder = await temporaryFolder(t);
    openAt(folder).putLayer(keyOf(1), layerOf(1));
    const [file] = filesIn(folder) as [string];
    const put = (now: number) => openAt(folder, now).putLayer(keyOf(2), layerOf(2));
    const grow = () => utimesSync(file, 0, 0);
    grow();
    put(NOW + DAY - 1);
    assert.deepEqual(layersIn(folder), [1, 2]);
    put(NOW + DAY);
    assert.deepEqual(layersIn(folder), [2]);
    // A clock that was set back doesn't put it off.
    openAt(folder, NOW - 400 * DAY).putLayer(keyOf(1), layerOf(1));
    grow();
    put(NOW - 300 * DAY);
    assert.deepEqual(layersIn(folder), [2]);
  });
});

describe("the account of a cache", () => {
  it("counts entries of each kind and the space they take, and tells their oldest and newest use", async (t) => {
    const folder = await temporaryFolder(t);
    const { cache, clock } = openWithClock(folder);
    assert.deepEqual(cache.info(), {
      folder,
      entries: { base: 0, blob: 0, facts: 0, layer: 0, tree: 0 },
      trees: 0,
      bytes: 0,
      oldestUse: undefined,
      newestUse: undefined,
    });
    for (const number of [1, 2]) cache.putLayer(keyOf(number), layerOf(number));
    clock.now += 5000;
    cache.putBlob(blobKeyOf(1), blobOf(1));
    const { bytes, ...rest } = cache.info();
    assert.deepEqual(rest, {
      folder,
      entries: { base: 0, blob: 1, facts: 0, layer: 2, tree: 0 },
      trees: 0,
      oldestUse: NOW,
      newestUse: NOW + 5000,
    });
    const blocks = filesIn(folder).reduce((sum, file) => sum + statSync(file).blocks, 0);
    assert.equal(bytes, 512 * blocks);
  });
});

describe("verifying", () => {
  it("removes what is broken and keeps the rest", async (t) => {
    const folder = await temporaryFolder(t);
    const cache = openAt(folder);
    for (let number = 0; number < 6; number++) cache.putLayer(keyOf(number), layerOf(number));
    const [one, two, three] = filesIn(folder) as [string, string, string];
    writeFileSync(one, readFileSync(one, "utf8").replace('"size":', '"size":1'));
    writeFileSync(two, "");
    writeFileSync(three, readFileSync(filesIn(folder)[3]!));
    assert.deepEqual(cache.verify(), { checked: 6, removed: 3, stuck: 0 });
    assert.deepEqual(cache.verify(), { checked: 3, removed: 0, stuck: 0 });
    assert.equal(layersIn(folder).length, 3);
  });
});
