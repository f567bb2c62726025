import assert from "node:assert/strict";
import { mkdirSync, readdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it } from "node:test";
import { cacheFolder, openDigestCache } from "#cache";
import { parseReference } from "#oci";
import { FakeRegistry } from "#testing";
import { pushSharedCache, Transports } from "#transports";
import { blobKeyOf, blobOf, DAY, filesIn, keyOf, layerOf } from "../../layers/cache/support/samples.ts";
import { assertFailed } from "../../support/failure.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

/** Fills a cache with three entries, of which the first layer was last used a hundred days ago. */
function fill(folder: string): void {
  const now = Date.now();
  const clock = { now };
  const cache = openDigestCache({ folder, now: () => clock.now });
  cache.putLayer(keyOf(2), layerOf(2));
  cache.putBlob(blobKeyOf(2), blobOf(2));
  clock.now = now - 100 * DAY;
  cache.putLayer(keyOf(1), layerOf(1));
}

describe("varve cache", () => {
  const json = async (...args: string[]) => {
    const { code, stdout, stderr } = await varve(["cache", ...args, "--json"]);
    assert.equal(code, 0, stderr);
    return JSON.parse(stdout.toString()) as Record<string, unknown>;
  };

  it("info tells where the cache is and what is in it", async (t) => {
    const folder = await temporaryFolder(t);
    fill(folder);
    const info = await json("info", "--cache-dir", folder);
    assert.deepEqual(
      [info["folder"], info["entries"]],
      [folder, { base: 0, blob: 1, facts: 0, layer: 2, tree: 0 }],
    );
    const text = await varve(["cache", "info"], { env: { VARVE_CACHE_DIR: folder } });
    assert.match(text.stdout.toString(), /^Layers: +2$/m);
    assert.ok(text.stdout.toString().includes(String(info["oldestUse"])));
  });

  it("prune removes what is old, or more than wanted", async (t) => {
    const folder = await temporaryFolder(t);
    fill(folder);
    assert.deepEqual(await json("prune", "--cache-dir", folder, "--max-age", "101"), { removed: 0, kept: 3 });
    assert.deepEqual(await json("prune", "--cache-dir", folder), { removed: 1, kept: 2 });
    assert.deepEqual(await json("prune", "--cache-dir", folder, "--max-entries", "0"), {
      removed: 2,
      kept: 0,
    });
    assert.deepEqual(filesIn(folder), []);
  });

  it("prune --registry removes what is old from a cache that is shared, or says why it can't", async (t) => {
    const registry = await new FakeRegistry().start();
    t.after(() => registry.stop());
    const folder = await temporaryFolder(t);
    const name = `${registry.host}/team/cache:main`;
    const none = await varve(["cache", "prune", "--registry", name]);
    assertFailed(none, /^Error: there is no cache in .*team\/cache:main/);
    const transports = new Transports({ env: {}, home: folder });
    t.after(() => transports[Symbol.asyncDispose]());
    for (const [at, days] of [0, 100].entries()) {
      const cache = openDigestCache({ folder: join(folder, String(at)), now: () => Date.now() - days * DAY });
      cache.putLayer(keyOf(at), layerOf(at));
      await pushSharedCache(await transports.client(registry.host), {
        reference: parseReference(name),
        cache,
      });
    }
    const text = await varve(["cache", "prune", "--registry", name]);
    assert.equal(text.stdout.toString(), "Removed 1 of 2 entries (1 old ones); 2 segments are 1 now.\n");
    assert.deepEqual(await json("prune", "--registry", name, "--max-entries", "0"), {
      kept: 0,
      old: 1,
      gone: 0,
      broken: 0,
      segments: { before: 1, after: 0 },
      removed: true,
    });
    const elsewhere = await varve(["cache", "prune", "--registry", name, "--blobs-in", "example.com/app"]);
    assertFailed(elsewhere, /^Error: example.com\/app is in another registry than the cache/, 2);
  });

  it("shows and removes packages that were installed for other platforms", async (t) => {
    const folder = await temporaryFolder(t);
    const tree = (digit: string, days: number) => {
      const path = join(folder, "trees", digit.repeat(64));
      mkdirSync(join(path, "node_modules/a"), { recursive: true });
      const time = Date.now() / 1000 - (days * DAY) / 1000;
      utimesSync(path, time, time);
    };
    tree("1", 40);
    tree("2", 20);
    tree("3", 0);
    assert.equal((await json("info", "--cache-dir", folder))["trees"], 3);
    assert.deepEqual(await json("prune", "--cache-dir", folder), { removed: 0, kept: 0, trees: 1 });
    assert.deepEqual((await json("prune", "--cache-dir", folder, "--max-age", "10"))["trees"], 1);
    assert.deepEqual((await json("prune", "--cache-dir", folder, "--max-entries", "0"))["trees"], 1);
    assert.deepEqual(readdirSync(join(folder, "trees")), ["aside"]);
    assert.deepEqual(readdirSync(join(folder, "trees/aside")), []);
  });

  it("verify removes what is broken, and says so", async (t) => {
    const folder = await temporaryFolder(t);
    fill(folder);
    writeFileSync(filesIn(folder)[0]!, "scribble");
    const { stdout } = await varve(["cache", "verify", "--cache-dir", folder]);
    assert.equal(stdout.toString(), "Checked 3 entries, removed 1 broken ones.\n");
    assert.deepEqual(await json("verify", "--cache-dir", folder), { checked: 2, removed: 0, stuck: 0 });
  });

  it("without a verb, or with one it doesn't know, is wrong usage", async () => {
    assert.equal((await varve(["cache"])).code, 2);
    assert.equal((await varve(["cache", "burn"])).code, 2);
    assert.equal((await varve(["cache", "prune", "--max-age", "x"])).code, 2);
  });

  it("info on a folder that can't be listed fails with a sentence", async (t) => {
    const folder = join(await temporaryFolder(t), "loop");
    symlinkSync(folder, folder);
    assertFailed(await varve(["cache", "info", "--cache-dir", folder]), /cannot read .*loop.*symbolic links/);
  });
});

describe("the cache's folder", () => {
  it("is VARVE_CACHE_DIR, or varve in XDG_CACHE_HOME, or in ~/.cache", () => {
    const xdg = { XDG_CACHE_HOME: "/xdg" };
    assert.equal(cacheFolder({ ...xdg, VARVE_CACHE_DIR: "/own" }, "/home/me"), "/own");
    assert.equal(cacheFolder({ VARVE_CACHE_DIR: "own" }, "/home/me"), join(process.cwd(), "own"));
    assert.equal(cacheFolder({ ...xdg, VARVE_CACHE_DIR: "" }, "/home/me"), "/xdg/varve");
    assert.equal(cacheFolder({}, "/home/me"), "/home/me/.cache/varve");
    for (const base of ["", "relative"]) {
      assert.equal(cacheFolder({ XDG_CACHE_HOME: base }, "/home/me"), "/home/me/.cache/varve");
    }
  });
});
