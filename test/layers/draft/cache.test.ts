import assert from "node:assert/strict";
import { chmodSync, lstatSync, mkdirSync, readdirSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import fc from "fast-check";
import { type DigestCache, type LayerKey, openDigestCache } from "#cache";
import { type LayerRecipe, listRecipe, packLayer, type TreeItem } from "#fs";
import type { Layer } from "#image";
import { measureLayers } from "#measure";
import { type Digest, digestOf } from "#oci";
import { EntryType } from "#tar";
import { recipeKey } from "../../../src/layers/measure/layer-key.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { filesIn } from "../cache/support/samples.ts";

const SECOND = 1000;
const HOUR = 3600 * SECOND;

const NAR_HASH = "sha256-AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
const OTHER_NAR_HASH = "sha256-BBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBBB=";

/** What no layer of these tests is: where it is found, it came out of the cache. */
const WRONG = digestOf(Buffer.from("no layer"));

/** A cache whose clock can be set, and what it was given. */
interface WatchedCache extends Pick<DigestCache, "layer" | "folder"> {
  readonly cache: DigestCache;
  readonly clock: { now: number };
  /** The keys of what was put into it, in their order. */
  readonly put: LayerKey[];
}

/** Opens a cache, by a clock that is ten seconds fast: what was just written has been there for a while. */
function openWatched(folder: string): WatchedCache {
  const clock = { now: Date.now() + 10 * SECOND };
  const cache = openDigestCache({ folder, now: () => clock.now });
  const put: LayerKey[] = [];
  const putLayer = cache.putLayer.bind(cache);
  cache.putLayer = (key, layer) => {
    put.push(key);
    putLayer(key, layer);
  };
  return { cache, clock, put, folder, layer: (key) => cache.layer(key) };
}

/** A folder with a tree of two files in it, and a cache beside. */
async function watchedTree(t: TestContext): Promise<WatchedCache & { readonly tree: string }> {
  const folder = await temporaryFolder(t);
  const tree = join(folder, "tree");
  writeTree(tree, { dir: { a: { file: "first" }, dir: { dir: { b: { file: "second" } } } } });
  // A time that can be put back exactly.
  utimesSync(join(tree, "a"), 1_000_000_000, 1_000_000_000);
  return { tree, ...openWatched(join(folder, "cache")) };
}

/** A recipe of one tree; its component has the tree's name. */
function recipeOf(
  source: string,
  item: Partial<TreeItem> = {},
  fields: Partial<LayerRecipe> = {},
): LayerRecipe {
  return {
    items: [{ kind: "tree", source, target: "/tree", ...item }],
    owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
    mtime: 1,
    modes: "portable",
    components: [source],
    ...fields,
  };
}

async function measure(cache: DigestCache | undefined, ...recipes: readonly LayerRecipe[]): Promise<Layer[]> {
  const layers: Layer[] = [];
  for await (const layer of measureLayers(recipes, { cache })) layers.push(layer);
  return layers;
}

async function diffIdOf(cache: DigestCache | undefined, recipe: LayerRecipe): Promise<Digest> {
  const [layer] = await measure(cache, recipe);
  return layer!.diffId;
}

/** What a recipe's layer is, without any cache. */
function truth(recipe: LayerRecipe): Buffer {
  const chunks: Buffer[] = [];
  for (const chunk of packLayer(recipe, { listings: listRecipe(recipe) })) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** Reads a layer to its end, and checks that it gave what its digest says. */
async function read(layer: Layer): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  const bytes = Buffer.concat(chunks);
  assert.deepEqual([digestOf(bytes), bytes.length], [layer.diffId, layer.descriptor.size]);
}

/** Counts the threads that are started while something is done. */
async function threadsOf(work: () => Promise<unknown>): Promise<number> {
  let threads = 0;
  const count = () => void threads++;
  process.on("worker", count);
  await work().finally(() => process.off("worker", count));
  return threads;
}

/** Changes a file's content and keeps its length, and its time where it is given; its ctime moves on. */
function change(path: string, text: string, mtime?: Date): void {
  const before = lstatSync(path).ctimeMs;
  // A clock's tick may be milliseconds.
  while (lstatSync(path).ctimeMs === before) {
    writeFileSync(path, text);
    if (mtime !== undefined) utimesSync(path, mtime, mtime);
  }
}

describe("a layer of a tree whose NAR hash is known", () => {
  it("isn't measured again: no thread is started, and its files aren't looked at", async (t) => {
    const { cache, tree, put } = await watchedTree(t);
    const recipe = recipeOf(tree, { narHash: NAR_HASH });
    const [layer] = await measure(cache, recipe);
    assert.equal(layer!.diffId, digestOf(truth(recipe)));
    assert.equal(put.length, 1);
    rmSync(tree, { recursive: true });
    let again: Layer[] = [];
    const threads = await threadsOf(async () => {
      again = await measure(cache, recipe);
    });
    assert.equal(threads, 0);
    assert.deepEqual([again[0]!.diffId, again[0]!.descriptor], [layer!.diffId, layer!.descriptor]);
    assert.equal(again[0]!.portable, true);
  });

  it("is known wherever it is on this machine, and whatever its component's name", async (t) => {
    const { cache, tree, put } = await watchedTree(t);
    await measure(cache, recipeOf(tree, { narHash: NAR_HASH }));
    const elsewhere = recipeOf("/not/there", { narHash: NAR_HASH });
    assert.equal((await measure(cache, elsewhere)).length, 1);
    assert.equal(put.length, 1);
  });

  it("is measured beside others that are known, and each is what it is", async (t) => {
    const { cache, tree } = await watchedTree(t);
    const recipes = Array.from({ length: 6 }, (_, index) =>
      recipeOf(tree, index % 2 === 0 ? { narHash: NAR_HASH } : {}, { mtime: index }),
    );
    await measure(cache, recipes[0]!, recipes[1]!, recipes[4]!);
    const layers = await measure(cache, ...recipes);
    assert.deepEqual(
      layers.map(({ diffId }) => diffId),
      recipes.map((recipe) => digestOf(truth(recipe))),
    );
    for (const layer of layers) await read(layer);
  });

  it("is given as the cache has it, whose bytes are checked as they pass", async (t) => {
    const { cache, tree } = await watchedTree(t);
    const recipe = recipeOf(tree, { narHash: NAR_HASH });
    await measure(cache, recipe);
    const [layer] = await measure(cache, recipe);
    await read(layer!);
  });

  for (const [what, text] of [
    ["as long", "FIRST"],
    ["longer", "first".repeat(500_000)],
    ["shorter", ""],
  ] as const) {
    it(`fails by name when what is there is other content, ${what}, and is forgotten`, async (t) => {
      const { cache, tree } = await watchedTree(t);
      const recipe = recipeOf(tree, { narHash: NAR_HASH });
      const known = await diffIdOf(cache, recipe);
      writeFileSync(join(tree, "a"), text);
      const [layer] = await measure(cache, recipe);
      assert.equal(layer!.diffId, known);
      let passed = 0;
      await assert.rejects(
        async () => {
          for await (const chunk of layer!.open()) passed += chunk.length;
        },
        {
          code: "STALE_CACHE",
          message: new RegExp(`^the layer of ${tree} isn't what the digest cache says`),
        },
      );
      assert.ok(passed <= layer!.descriptor.size);
      const [again] = await measure(cache, recipe);
      assert.equal(again!.diffId, digestOf(truth(recipe)));
      await read(again!);
      // Also for whoever opens the same folder next.
      const { cache: next } = openWatched(cache.folder);
      assert.equal(await diffIdOf(next, recipe), again!.diffId);
    });
  }
});

describe("a layer of a tree without a NAR hash", () => {
  it("isn't measured again while none of its files' metadata changes", async (t) => {
    const { cache, tree, put } = await watchedTree(t);
    const recipe = recipeOf(tree);
    const [layer] = await measure(cache, recipe);
    assert.equal(layer!.diffId, digestOf(truth(recipe)));
    assert.equal(layer!.portable, false);
    assert.equal(put.length, 1);
    const [key] = put as [LayerKey];
    assert.equal(cache.layer(key)?.portable, false);

    cache.putLayer(key, { ...cache.layer(key)!, diffId: WRONG });
    const [again] = await measure(cache, recipe);
    assert.equal(again!.diffId, WRONG);
    await assert.rejects(read(again!), { code: "STALE_CACHE" });
    assert.equal(await diffIdOf(cache, recipe), layer!.diffId);
  });

  const changes: Record<string, (tree: string) => void> = {
    "changes its content and length": (tree) => change(join(tree, "a"), "longer than before"),
    "changes its content alone, and its time moves on": (tree) => change(join(tree, "a"), "FIRST"),
    "changes its content alone, and its time is put back": (tree) =>
      change(join(tree, "a"), "FIRST", lstatSync(join(tree, "a")).mtime),
    "changes its mode": (tree) => chmodSync(join(tree, "a"), 0o755),
    appears: (tree) => writeFileSync(join(tree, "dir", "c"), ""),
    disappears: (tree) => rmSync(join(tree, "dir", "b")),
    "gives way to another of the same size and time": (tree) => {
      const { mtime } = lstatSync(join(tree, "a"));
      rmSync(join(tree, "a"));
      writeFileSync(join(tree, "a"), "FIRST");
      utimesSync(join(tree, "a"), mtime, mtime);
    },
  };
  for (const [what, doIt] of Object.entries(changes)) {
    it(`is measured anew when a file ${what}`, async (t) => {
      const { cache, tree, put } = await watchedTree(t);
      const recipe = recipeOf(tree);
      const before = await diffIdOf(cache, recipe);
      doIt(tree);
      const [layer] = await measure(cache, recipe);
      assert.notEqual(layer!.diffId, before);
      assert.equal(layer!.diffId, digestOf(truth(recipe)));
      assert.equal(put.length, 2);
      await read(layer!);
    });
  }

  it("isn't kept when a file has changed less than two seconds ago, or in the future", async (t) => {
    const { cache, clock, tree, put } = await watchedTree(t);
    const names = ["", ...readdirSync(tree, { recursive: true, encoding: "utf8" })];
    const lastChange = Math.max(...names.map((name) => lstatSync(join(tree, name)).ctimeMs));
    const recipe = recipeOf(tree);
    for (const now of [lastChange + 1.9 * SECOND, lastChange, lastChange - HOUR, 0]) {
      clock.now = now;
      assert.equal(await diffIdOf(cache, recipe), digestOf(truth(recipe)));
      assert.deepEqual(put, [], `${now - lastChange} ms after the change`);
    }
    clock.now = lastChange + 2.1 * SECOND;
    await measure(cache, recipe);
    assert.equal(put.length, 1);
  });

  it("isn't kept when it was listed within two seconds of a change, however long that took", async (t) => {
    const { cache, clock, tree, put } = await watchedTree(t);
    clock.now = lstatSync(tree).ctimeMs + SECOND;
    const layers = measureLayers([recipeOf(tree)], { cache });
    const first = layers.next();
    // The thread is being started by now, and has listed nothing.
    clock.now += HOUR;
    await first;
    await layers.return();
    assert.deepEqual(put, []);
  });

  it("is what it is after the clock was set back", async (t) => {
    const { cache, clock, tree, put } = await watchedTree(t);
    const recipe = recipeOf(tree);
    await measure(cache, recipe);
    clock.now -= 1000 * HOUR;
    await read((await measure(cache, recipe))[0]!);
    change(join(tree, "a"), "FIRST");
    const [layer] = await measure(cache, recipe);
    assert.equal(layer!.diffId, digestOf(truth(recipe)));
    assert.equal(put.length, 1);
  });

  it("is another one beside a tree whose NAR hash is known", async (t) => {
    const { cache, tree, put } = await watchedTree(t);
    const other = join(cache.folder, "..", "other");
    writeTree(other, { dir: { a: { file: "first" } } });
    const recipe = recipeOf(
      tree,
      {},
      {
        items: [
          { kind: "tree", source: tree, target: "/tree", narHash: NAR_HASH },
          { kind: "tree", source: other, target: "/other" },
        ],
      },
    );
    await measure(cache, recipe);
    assert.equal(cache.layer(put[0]!)?.portable, false);
    change(join(other, "a"), "FIRST");
    assert.equal(await diffIdOf(cache, recipe), digestOf(truth(recipe)));
  });
});

describe("the key of a layer", () => {
  const owner = { uid: 0, gid: 0, uname: "root", gname: "root" };
  const others: Record<string, readonly [item: Partial<TreeItem>, fields: Partial<LayerRecipe>]> = {
    "user id": [{}, { owner: { ...owner, uid: 1 } }],
    "group id": [{}, { owner: { ...owner, gid: 1 } }],
    "user name": [{}, { owner: { ...owner, uname: "u" } }],
    "group name": [{}, { owner: { ...owner, gname: "g" } }],
    time: [{}, { mtime: 2 }],
    "rule for modes": [{}, { modes: "keep" }],
    target: [{ target: "/other" }, {}],
    exclusion: [{ exclude: ["dir"] }, {}],
  };
  for (const [what, [item, fields]] of Object.entries(others)) {
    it(`is another with another ${what}, with a NAR hash and without`, async (t) => {
      const { cache, tree } = await watchedTree(t);
      chmodSync(join(tree, "a"), 0o600);
      for (const narHash of [{ narHash: NAR_HASH }, {}]) {
        await measure(cache, recipeOf(tree, narHash));
        const other = recipeOf(tree, { ...narHash, ...item }, fields);
        const [layer] = await measure(cache, other);
        assert.equal(layer!.diffId, digestOf(truth(other)));
        await read(layer!);
      }
    });
  }

  it("is another with another NAR hash", async (t) => {
    const { cache, tree } = await watchedTree(t);
    await measure(cache, recipeOf(tree, { narHash: NAR_HASH }));
    writeFileSync(join(tree, "a"), "other");
    const other = recipeOf(tree, { narHash: OTHER_NAR_HASH });
    assert.equal(await diffIdOf(cache, other), digestOf(truth(other)));
  });

  it("is the same for two recipes only if their bytes are", async (t) => {
    const folder = await temporaryFolder(t);
    for (const name of ["a", "b"]) {
      const child = { file: name, mode: name === "a" ? 0o600 : 0o755 };
      writeTree(join(folder, name), { dir: { file: child, dir: { dir: { file: child } } } });
    }
    const name = fc.constantFrom("x", "y");
    const tree = fc
      .record({
        source: fc.constantFrom("a", "b"),
        target: name,
        exclude: fc.constantFrom([], ["dir"], ["file"]),
        hashed: fc.boolean(),
      })
      .map(({ source, target, exclude, hashed }) => ({
        kind: "tree" as const,
        source: join(folder, source),
        target: `/${target}`,
        exclude,
        ...(hashed ? { narHash: source === "a" ? NAR_HASH : OTHER_NAR_HASH } : {}),
      }));
    const entry = fc
      .record({ name, type: fc.constantFrom(EntryType.directory, EntryType.symlink), linkname: name })
      .map(({ name, type, linkname }) => ({
        kind: "entry" as const,
        entry: { name: `/${name}`, type, mode: 0o755, ...(type === EntryType.symlink ? { linkname } : {}) },
      }));
    const recipe: fc.Arbitrary<LayerRecipe> = fc.record({
      items: fc.array(fc.oneof(tree, entry), { maxLength: 2 }),
      owner: fc.record({ uid: fc.nat(1), gid: fc.nat(1), uname: name, gname: name }),
      mtime: fc.nat(1),
      modes: fc.constantFrom("keep", "portable"),
      components: fc.constantFrom([], ["a"]),
    });
    // Two recipes that have most in common.
    const pair = fc
      .tuple(recipe, recipe, fc.constantFrom("items", "owner", "mtime", "modes", "components"))
      .map(([one, other, field]) => [one, { ...one, [field]: other[field as keyof LayerRecipe] }] as const);
    const keyOf = (recipe: LayerRecipe) => recipeKey(recipe, listRecipe(recipe, { identify: true }));
    fc.assert(
      fc.property(pair, ([one, other]) => {
        assert.ok(keyOf(one) !== keyOf(other) || truth(one).equals(truth(other)));
        if (recipeKey(one) !== undefined) assert.equal(recipeKey(one), keyOf(one));
      }),
      { numRuns: 500 },
    );
  });
});

describe("a cache that keeps nothing", () => {
  const folders: Record<string, (folder: string) => void> = {
    "is a file": (folder) => writeFileSync(folder, ""),
    "lies below a file": (folder) => writeFileSync(join(folder, ".."), ""),
    "has a file where its entries go": (folder) => {
      mkdirSync(folder);
      writeFileSync(join(folder, "digests-v2"), "");
    },
  };
  for (const [what, make] of Object.entries(folders)) {
    it(`because its folder ${what} costs a second measuring, and no more`, async (t) => {
      const { tree } = await watchedTree(t);
      const folder = join(await temporaryFolder(t), "some", "cache");
      mkdirSync(join(folder, "..", ".."), { recursive: true });
      if (what !== "lies below a file") mkdirSync(join(folder, ".."));
      make(folder);
      const { cache } = openWatched(folder);
      for (const recipe of [recipeOf(tree), recipeOf(tree, { narHash: NAR_HASH })]) {
        for (let round = 0; round < 2; round++) {
          const [layer] = await measure(cache, recipe);
          assert.equal(layer!.diffId, digestOf(truth(recipe)));
          await read(layer!);
        }
      }
      assert.deepEqual(filesIn(folder), []);
    });
  }
});
