import assert from "node:assert/strict";
import { readdirSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { decodeEntries, encodeEntries } from "#cache";
import { treeKeyDigits } from "../../../src/layers/cache/key.ts";
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

  it("imports what it doesn't know as others' claims, and keeps what it does", async (t) => {
    const folder = await temporaryFolder(t);
    const [one, two] = [openAt(await temporaryFolder(t)), openAt(folder)];
    for (const number of [1, 2]) one.putLayer(keyOf(number), layerOf(number));
    two.putLayer(keyOf(2), layerOf(3));
    two.putBlob(blobKeyOf(4), blobOf(4));
    const { entries } = decodeEntries(encodeEntries(one.exportEntries()));
    const [first] = entries as [(typeof entries)[number]];
    assert.deepEqual(two.importEntries([...entries, { ...first, portable: false }]), {
      added: 1,
      known: 1,
      skipped: 1,
    });
    assert.deepEqual(
      [1, 2].map((number) => two.layer(keyOf(number))),
      [{ ...layerOf(1), claimed: true }, layerOf(3)],
    );
    assert.deepEqual(two.blob(blobKeyOf(4)), blobOf(4));
    // Claims are kept by nobody, and told to nobody, until somebody has seen that they are true.
    assert.equal(openAt(folder).layer(keyOf(1)), undefined);
    const exported = () => Array.from(two.exportEntries(), ({ digest }) => digest);
    assert.ok(!exported().includes(layerOf(1).diffId));
    two.putLayer(keyOf(1), layerOf(1));
    assert.deepEqual(two.layer(keyOf(1)), layerOf(1));
    assert.ok(exported().includes(layerOf(1).diffId));
  });

  it("never gives a claim for a blob in place of its own word, and forgets claims as it forgets that", async (t) => {
    const [one, two] = [openAt(await temporaryFolder(t)), openAt(await temporaryFolder(t))];
    one.putBlob(blobKeyOf(1), blobOf(1));
    one.putLayer(keyOf(1), layerOf(1));
    one.putLayer(keyOf(2), layerOf(2));
    two.importEntries(one.exportEntries());
    assert.equal(two.blob(blobKeyOf(1)), undefined);
    assert.deepEqual(two.claimedBlob(blobKeyOf(1)), blobOf(1));
    two.dropBlob(blobKeyOf(1));
    assert.equal(two.claimedBlob(blobKeyOf(1)), undefined);
    two.dropLayer(keyOf(1));
    assert.equal(two.layer(keyOf(1)), undefined);
    two.distrustLayers();
    assert.equal(two.layer(keyOf(2)), undefined);
  });

  it("neither exports nor imports how large trees are, which nobody would check", async (t) => {
    const cache = openAt(await temporaryFolder(t));
    const key = { narHash: "sha256-x", target: "/x", exclude: [] };
    cache.putTreeSize(key, 1000);
    assert.equal(cache.treeSize(key), 1000);
    assert.deepEqual([...cache.exportEntries()], []);
    const digest = layerOf(1).diffId;
    const entry = { kind: "tree", key: treeKeyDigits(key), digest, size: 1, portable: true } as const;
    const other = openAt(await temporaryFolder(t));
    assert.deepEqual(other.importEntries([entry]), { added: 0, known: 0, skipped: 1 });
    assert.equal(other.treeSize(key), undefined);
  });

  it("writes nothing for what is imported, whatever an entry's key says", async (t) => {
    const folder = await temporaryFolder(t);
    const cache = openAt(join(folder, "cache"));
    cache.putLayer(keyOf(1), layerOf(1));
    const [entry] = [...cache.exportEntries()] as [
      { kind: "layer"; digest: never; size: number; key: string; portable: true },
    ];
    writeFileSync(join(folder, "victim.json"), "text");
    const key = "../../../../victim";
    cache.importEntries([{ ...entry, key }]);
    assert.deepEqual(readdirSync(folder).sort(), ["cache", "victim.json"]);
  });
});
