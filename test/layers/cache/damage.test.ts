import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  chownSync,
  copyFileSync,
  linkSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { blobKeyOf, blobOf, filesIn, keyOf, layerOf, openAt } from "./support/samples.ts";

/** A folder with one entry, and the file that holds it. */
async function oneEntry(t: TestContext): Promise<{ folder: string; file: string }> {
  const folder = await temporaryFolder(t);
  openAt(folder).putLayer(keyOf(1), layerOf(1));
  const [file] = filesIn(folder) as [string];
  return { folder, file };
}

describe("an entry of a digest cache", () => {
  it("isn't there any more when any one byte of it is another", async (t) => {
    const { folder, file } = await oneEntry(t);
    const bytes = readFileSync(file);
    const cache = openAt(folder);
    for (let at = 0; at < bytes.length; at++) {
      for (const mask of [0x01, 0xff]) {
        const flipped = Buffer.from(bytes);
        flipped[at]! ^= mask;
        writeFileSync(file, flipped);
        assert.equal(cache.layer(keyOf(1)), undefined, `byte ${at} ^ ${mask}`);
      }
    }
    writeFileSync(file, bytes);
    assert.deepEqual(cache.layer(keyOf(1)), layerOf(1));
  });

  it("isn't there with what is known of a base when any one byte of either is another, or some are missing", async (t) => {
    const folder = await temporaryFolder(t);
    const cache = openAt(folder);
    const layers = [layerOf(1).diffId, layerOf(2).diffId];
    const content = Buffer.from("caf\u00e9\n\0 of a base");
    cache.putBase(layers, content);
    const [file] = filesIn(folder) as [string];
    const bytes = readFileSync(file);
    for (let at = 0; at < bytes.length; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at]! ^= 0x01;
      for (const wrong of [flipped, bytes.subarray(0, at), Buffer.concat([bytes, Buffer.from("x")])]) {
        writeFileSync(file, wrong);
        assert.equal(cache.base(layers), undefined, `byte ${at}`);
      }
    }
    assert.deepEqual(cache.verify(), { checked: 1, removed: 1, stuck: 0 });
    cache.putBase(layers, content);
    assert.deepEqual(cache.base(layers), content);
  });

  it("isn't there any more when it is cut short, empty, or followed by something", async (t) => {
    const { folder, file } = await oneEntry(t);
    const bytes = readFileSync(file);
    const cache = openAt(folder);
    const texts = [...bytes.keys()].map((length) => bytes.subarray(0, length));
    texts.push(
      Buffer.concat([bytes, Buffer.from("\n")]),
      Buffer.concat([bytes, bytes]),
      Buffer.concat([bytes, Buffer.alloc(5000)]),
    );
    for (const text of texts) {
      writeFileSync(file, text);
      assert.equal(cache.layer(keyOf(1)), undefined, `${text.length} bytes`);
    }
  });

  it("isn't there when it is another's, renamed, copied or linked", async (t) => {
    const { folder, file } = await oneEntry(t);
    const cache = openAt(folder);
    cache.putLayer(keyOf(2), layerOf(2));
    cache.putBlob(blobKeyOf(1), blobOf(1));
    const [blob, ...layers] = filesIn(folder) as [string, string, string];
    const other = layers.find((path) => path !== file)!;
    for (const place of [renameSync, copyFileSync, linkSync]) {
      for (const from of [other, blob]) {
        const kept = readFileSync(from);
        rmSync(file);
        place(from, file);
        assert.equal(cache.layer(keyOf(1)), undefined);
        rmSync(file);
        writeFileSync(from, kept);
        writeFileSync(file, "");
      }
    }
  });

  it("isn't there, and nobody waits, when something else is in its file's place", async (t) => {
    const { folder, file } = await oneEntry(t);
    const aside = join(folder, "elsewhere");
    const things = {
      directory: () => mkdirSync(file),
      "directory that isn't empty": () => mkdirSync(join(file, "x"), { recursive: true }),
      // Even to the entry itself: whoever made it isn't varve.
      link: () => symlinkSync(aside, file),
      "dangling link": () => symlinkSync("nowhere", file),
      "link to itself": () => symlinkSync(file, file),
      device: () => symlinkSync("/dev/zero", file),
      pipe: () => execFileSync("mkfifo", [file]),
    };
    copyFileSync(file, aside);
    for (const [name, make] of Object.entries(things)) {
      rmSync(file, { recursive: true });
      make();
      const cache = openAt(folder);
      assert.equal(cache.layer(keyOf(1)), undefined, name);
      cache.info();
      assert.deepEqual([...cache.exportEntries()], [], name);
      // It can be put again, unless a folder is in the way.
      cache.putLayer(keyOf(1), layerOf(1));
      cache.putLayer(keyOf(2), layerOf(2));
      assert.deepEqual(cache.layer(keyOf(2)), layerOf(2), name);
      if (!name.startsWith("directory")) assert.deepEqual(cache.layer(keyOf(1)), layerOf(1), name);
      else {
        const stuck = name === "directory" ? 0 : 1;
        assert.deepEqual(cache.verify(), { checked: 2, removed: 1 - stuck, stuck }, name);
        mkdirSync(file, { recursive: true });
      }
      cache.dropLayer(keyOf(2));
    }
    assert.ok(readFileSync(aside).length > 0);
    assert.deepEqual(filesIn(folder, ".tmp"), []);
  });

  it("counts only when its file is this user's or root's, and nobody else may write it", {
    skip: requires("root"),
  }, async (t) => {
    const { folder, file } = await oneEntry(t);
    const cache = openAt(folder);
    chownSync(file, 65534, 65534);
    assert.equal(cache.layer(keyOf(1)), undefined);
    chownSync(file, 0, 65534);
    assert.deepEqual(cache.layer(keyOf(1)), layerOf(1));
    for (const mode of [0o664, 0o646, 0o666]) {
      chmodSync(file, mode);
      assert.equal(cache.layer(keyOf(1)), undefined);
    }
  });
});

describe("a digest cache's folder", () => {
  it("that is a file, or is below one, is an empty cache that keeps nothing", async (t) => {
    const file = join(await temporaryFolder(t), "file");
    writeFileSync(file, "text");
    for (const folder of [file, join(file, "below")]) {
      const cache = openAt(folder);
      cache.putLayer(keyOf(1), layerOf(1));
      assert.equal(cache.layer(keyOf(1)), undefined);
      assert.equal(cache.dropLayer(keyOf(1)), true);
      assert.equal(cache.info().entries.layer, 0);
      assert.deepEqual(cache.prune(), { removed: 0, kept: 0 });
      assert.deepEqual(cache.verify(), { checked: 0, removed: 0, stuck: 0 });
    }
    assert.equal(readFileSync(file, "utf8"), "text");
  });

  it("in which a part was replaced by a file or a link is still a cache", async (t) => {
    const { folder, file } = await oneEntry(t);
    const shard = dirname(file);
    for (const part of [shard, dirname(shard), dirname(dirname(shard))]) {
      for (const make of [() => writeFileSync(part, "x"), () => symlinkSync(part, part)]) {
        rmSync(part, { recursive: true });
        make();
        const cache = openAt(folder);
        cache.putLayer(keyOf(1), layerOf(1));
        assert.equal(cache.layer(keyOf(1)), undefined);
      }
    }
  });

  it("that has other things in it keeps them, whatever is pruned or verified", async (t) => {
    const folder = await temporaryFolder(t);
    const cache = openAt(folder);
    cache.putLayer(keyOf(1), layerOf(1));
    const [file] = filesIn(folder) as [string];
    const others = [
      join(folder, "thesis.txt"),
      join(folder, `${"a".repeat(64)}.json`),
      join(dirname(file), "notes.json"),
      // An entry of another shard than its own.
      join(dirname(file), `${"0".repeat(64)}.json`),
      join(dirname(dirname(dirname(file))), "aside", "notes"),
    ];
    for (const other of others) writeFileSync(other, "text");
    cache.verify();
    assert.deepEqual(cache.prune({ maxEntries: 0 }), { removed: 1, kept: 0 });
    for (const other of others) assert.equal(readFileSync(other, "utf8"), "text", other);
  });
});
