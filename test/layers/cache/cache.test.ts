import assert from "node:assert/strict";
import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import type { ClaimSource } from "#cache";
import { blobKeyDigits } from "../../../src/layers/cache/key.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import {
  blobKeyOf,
  blobOf,
  claimsOf,
  DAY,
  filesIn,
  keyOf,
  layerOf,
  NOW,
  openAt,
  openWithClock,
} from "./support/samples.ts";

describe("a digest cache", () => {
  it("gives what was put, to itself and to others, and nothing else", async (t) => {
    const folder = join(await temporaryFolder(t), "not", "there", "yet");
    const cache = openAt(folder);
    assert.equal(cache.layer(keyOf(1)), undefined);
    cache.putLayer(keyOf(1), layerOf(1));
    cache.putBlob(blobKeyOf(1), blobOf(1));
    for (const reader of [cache, openAt(folder)]) {
      assert.deepEqual(reader.layer(keyOf(1)), layerOf(1));
      assert.deepEqual(reader.blob(blobKeyOf(1)), blobOf(1));
      assert.equal(reader.layer(keyOf(2)), undefined);
      assert.equal(reader.blob(blobKeyOf(2)), undefined);
    }
  });

  it("keeps a blob for each algorithm, level and library by itself", async (t) => {
    const cache = openAt(await temporaryFolder(t));
    const key = blobKeyOf(1);
    cache.putBlob(key, blobOf(1));
    const others = [
      { ...key, diffId: layerOf(2).diffId },
      { ...key, algorithm: "zstd" as const },
      { ...key, level: 9 },
      { ...key, level: undefined },
      { ...key, library: "zlib 1.3.2" },
    ];
    for (const other of others) assert.equal(cache.blob(other), undefined);
  });

  it("keeps what is noted of a base by all of its layers in their order, and on this machine", async (t) => {
    const folder = await temporaryFolder(t);
    const [one, two] = [layerOf(1).diffId, layerOf(2).diffId];
    const large = Buffer.alloc(100_000, "a base's names; ");
    openAt(folder).putBase([one, two], large);
    const cache = openAt(folder);
    assert.deepEqual(cache.base([one, two]), large);
    for (const others of [[], [one], [two], [two, one], [one, two, two]]) {
      assert.equal(cache.base(others), undefined);
    }
    assert.deepEqual([...cache.exportEntries()], []);
    assert.equal(cache.info().entries.base, 1);
    cache.putBase([one], Buffer.alloc(16 * 1024 * 1024 + 1));
    assert.equal(cache.base([one]), undefined);
  });

  it("keeps what was learned by all that it depends on, and on this machine", async (t) => {
    const folder = await temporaryFolder(t);
    const { diffId } = layerOf(1);
    openAt(folder).putFacts([1, diffId], Buffer.from([0, 255, 10, 128]));
    const cache = openAt(folder);
    assert.deepEqual(cache.facts([1, diffId]), Buffer.from([0, 255, 10, 128]));
    for (const others of [[], [2, diffId], [1], [1, diffId, 3]]) assert.equal(cache.facts(others), undefined);
    assert.deepEqual([...cache.exportEntries()], []);
    assert.equal(cache.info().entries.facts, 1);
  });

  it("asks nothing of the disk before it is used, and makes no folder for reading", async (t) => {
    const folder = join(await temporaryFolder(t), "cache");
    const cache = openAt(folder);
    assert.equal(cache.layer(keyOf(1)), undefined);
    cache.dropLayer(keyOf(1));
    assert.deepEqual([...cache.exportEntries()], []);
    assert.equal(cache.info().entries.layer, 0);
    assert.throws(() => readdirSync(folder), { code: "ENOENT" });
  });

  it("takes what is put last", async (t) => {
    const cache = openAt(await temporaryFolder(t));
    cache.putLayer(keyOf(1), layerOf(1));
    cache.putLayer(keyOf(1), layerOf(2));
    assert.deepEqual(cache.layer(keyOf(1)), layerOf(2));
  });

  it("forgets what is dropped until it is put again", async (t) => {
    const folder = await temporaryFolder(t);
    const cache = openAt(folder);
    cache.putLayer(keyOf(1), layerOf(2));
    cache.putBlob(blobKeyOf(1), blobOf(2));
    assert.equal(cache.dropLayer(keyOf(1)), true);
    assert.equal(cache.dropBlob(blobKeyOf(1)), true);
    assert.equal(openAt(folder).layer(keyOf(1)), undefined);
    assert.equal(openAt(folder).blob(blobKeyOf(1)), undefined);
    cache.putLayer(keyOf(1), layerOf(1));
    assert.deepEqual(cache.layer(keyOf(1)), layerOf(1));
  });

  it("keeps no entry that could not be read again", async (t) => {
    const folder = await temporaryFolder(t);
    const cache = openAt(folder);
    for (const size of [-1, 0.5, NaN, 2 ** 53]) cache.putLayer(keyOf(1), { ...layerOf(1), size });
    assert.deepEqual(filesIn(folder), []);
  });

  it("marks an entry as used when it is, but not more than once a day", async (t) => {
    const folder = await temporaryFolder(t);
    const { cache, clock } = openWithClock(folder);
    cache.putLayer(keyOf(1), layerOf(1));
    const [file] = filesIn(folder) as [string];
    const used = () => statSync(file).mtimeMs;
    assert.equal(used(), NOW);
    clock.now = NOW + DAY - 1;
    cache.layer(keyOf(1));
    assert.equal(used(), NOW);
    clock.now = NOW + DAY;
    // Neither of these is a use.
    [...cache.exportEntries()];
    cache.verify();
    cache.info();
    assert.equal(used(), NOW);
    cache.layer(keyOf(1));
    assert.equal(used(), NOW + DAY);
  });

  it("exports what is portable, and nothing else", async (t) => {
    const cache = openAt(await temporaryFolder(t));
    cache.putLayer(keyOf(1), layerOf(1));
    cache.putLayer(keyOf(2), { ...layerOf(2), portable: false });
    cache.putBlob(blobKeyOf(1), blobOf(1));
    cache.putBlob(blobKeyOf(2), { ...blobOf(2), portable: false });
    const exported = [...cache.exportEntries()];
    assert.deepEqual(
      exported.map(({ kind, digest }) => [kind, digest]),
      [
        ["blob", blobOf(1).digest],
        ["layer", layerOf(1).diffId],
      ],
    );
    assert.deepEqual(cache.layer(keyOf(2)), { ...layerOf(2), portable: false });
  });

  it("takes what it doesn't know for others' claims, and keeps what it does", async (t) => {
    const folder = await temporaryFolder(t);
    const [one, two] = [openAt(await temporaryFolder(t)), openAt(folder)];
    for (const number of [1, 2]) one.putLayer(keyOf(number), layerOf(number));
    two.putLayer(keyOf(2), layerOf(3));
    two.putBlob(blobKeyOf(4), blobOf(4));
    two.addClaims("one", claimsOf(one));
    await two.askFor([keyOf(1), keyOf(2), keyOf(5)]);
    assert.deepEqual(
      [1, 2, 5].map((number) => two.layer(keyOf(number))),
      [{ ...layerOf(1), claimed: true }, layerOf(3), undefined],
    );
    assert.deepEqual(two.blob(blobKeyOf(4)), blobOf(4));
    // Claims are kept by nobody, and told to nobody, until somebody has seen that they are true.
    assert.equal(openAt(folder).layer(keyOf(1)), undefined);
    const told = () => Array.from(two.sharable().records, ({ digest }) => digest);
    assert.ok(!told().includes(layerOf(1).diffId));
    two.putLayer(keyOf(1), layerOf(1));
    assert.deepEqual(two.layer(keyOf(1)), layerOf(1));
    assert.ok(told().includes(layerOf(1).diffId));
  });

  it("asks each source once for what isn't in the folder, and again when another takes its place", async (t) => {
    const cache = openAt(await temporaryFolder(t));
    cache.putLayer(keyOf(1), layerOf(1));
    const asked: (readonly string[])[] = [];
    const source: ClaimSource = {
      async layers(keys) {
        asked.push(keys);
        return [];
      },
      base: async () => undefined,
    };
    cache.addClaims("it", source);
    for (const _ of [1, 2]) await cache.askFor([keyOf(1), keyOf(2)]);
    assert.deepEqual(asked, [[keyOf(2).slice(0, 16)]]);
    assert.equal(cache.askFor([keyOf(2)]), undefined);
    cache.addClaims("it", source);
    const both = [cache.askFor([keyOf(2)]), cache.askFor([keyOf(2)])];
    assert.ok(both.every((asking) => asking !== undefined));
    await Promise.all(both);
    assert.equal(asked.length, 2);
  });

  it("never gives a claim for a blob in place of its own word, and forgets claims as it forgets that", async (t) => {
    const [one, two] = [openAt(await temporaryFolder(t)), openAt(await temporaryFolder(t))];
    one.putBlob(blobKeyOf(1), blobOf(1));
    one.putLayer(keyOf(1), layerOf(1));
    one.putLayer(keyOf(2), layerOf(2));
    two.addClaims("one", claimsOf(one));
    await two.askFor([keyOf(1), keyOf(2)]);
    assert.equal(two.blob(blobKeyOf(1)), undefined);
    assert.deepEqual(two.claimedBlob(blobKeyOf(1)), blobOf(1));
    two.dropBlob(blobKeyOf(1));
    assert.equal(two.claimedBlob(blobKeyOf(1)), undefined);
    two.dropLayer(keyOf(1));
    assert.equal(two.layer(keyOf(1)), undefined);
    two.distrustLayers();
    assert.equal(two.layer(keyOf(2)), undefined);
  });

  it("tells others what was used of it and is of use to them: neither what isn't portable, nor the sizes of trees", async (t) => {
    const folder = await temporaryFolder(t);
    const first = openAt(folder);
    for (const number of [1, 2, 3]) first.putLayer(keyOf(number), layerOf(number));
    const cache = openAt(folder);
    assert.deepEqual(cache.sharable(), { records: [], bases: new Map() });
    cache.layer(keyOf(1));
    cache.putBlob(blobKeyOf(1), blobOf(1));
    cache.putBlob(blobKeyOf(2), blobOf(2));
    cache.putLayer(keyOf(4), { ...layerOf(4), portable: false });
    cache.layer(keyOf(5));
    cache.putTreeSize({ narHash: "sha256-x", target: "/x", exclude: [] }, 1000);
    cache.putBase([layerOf(6).diffId], Buffer.from("notes"));
    const { records, bases } = cache.sharable();
    const key = keyOf(1).slice(0, 16);
    const day = Math.floor(NOW / DAY);
    const of = { key, day };
    assert.deepEqual(records, [
      { ...of, kind: "layer", sub: "0".repeat(16), digest: layerOf(1).diffId, size: layerOf(1).size },
      { ...of, kind: "blob", sub: blobKeyDigits(blobKeyOf(1)).slice(0, 16), ...sizeAndDigest(blobOf(1)) },
    ]);
    assert.deepEqual(
      Array.from(bases.values(), (notes) => Buffer.from(notes).toString()),
      ["notes"],
    );
  });
});

describe("a layer that nothing but its bytes names", () => {
  const LARGE = { ...blobOf(1), size: 100_000, portable: false };

  it("is told and asked for by the blob that it becomes, unless that is small", async (t) => {
    const folder = await temporaryFolder(t);
    const own = openAt(join(folder, "own"));
    own.putLayer(keyOf(1), { ...layerOf(1), portable: false });
    own.putBlob(blobKeyOf(1), LARGE);
    own.putBlob(blobKeyOf(2), { ...blobOf(2), portable: false });
    const { records } = own.sharable();
    const sub = blobKeyDigits(blobKeyOf(1)).slice(0, 16);
    const { digest, size } = LARGE;
    assert.deepEqual(records, [{ key: sub, kind: "blob", sub, digest, size, day: Math.floor(NOW / DAY) }]);

    const source = claimsOf(own);
    const asked: string[][] = [];
    const other = openAt(join(folder, "other"));
    assert.equal(other.claims, "none");
    assert.equal(other.askForBlob(blobKeyOf(1)), undefined);
    other.addClaims("own", {
      ...source,
      layers: (keys) => {
        asked.push([...keys]);
        return source.layers(keys);
      },
    });
    assert.equal(other.claims, "checked");
    for (const number of [1, 2, 1]) await other.askForBlob(blobKeyOf(number));
    assert.deepEqual(
      asked,
      [1, 2].map((number) => [blobKeyDigits(blobKeyOf(number)).slice(0, 16)]),
    );
    assert.deepEqual(other.claimedBlob(blobKeyOf(1)), { digest, size, portable: true });
    assert.equal(other.claimedBlob(blobKeyOf(2)), undefined);
    // A claim isn't told on.
    assert.deepEqual(other.sharable().records, []);
  });

  it("is believed only of those whom the user believes", async (t) => {
    const folder = await temporaryFolder(t);
    const own = openAt(join(folder, "own"));
    own.putBlob(blobKeyOf(1), LARGE);
    const other = openAt(join(folder, "other"));
    other.addClaims("own", { ...claimsOf(own), believed: true });
    assert.equal(other.claims, "believed");
    await other.askForBlob(blobKeyOf(1));
    assert.equal(other.claimedBlob(blobKeyOf(1))?.believed, true);
  });
});

function sizeAndDigest({ digest, size }: ReturnType<typeof blobOf>) {
  return { digest, size };
}
