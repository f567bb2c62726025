import assert from "node:assert/strict";
import { mkdirSync, statSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { type ManifestStore, Manifests } from "#graph";
import { temporaryFolder } from "../../support/tmp.ts";

/** Two packages, and a store that says what was put into it. */
async function packages(t: TestContext, settled = Number.POSITIVE_INFINITY) {
  const folder = await temporaryFolder(t);
  const write = (name: string, manifest: object) => {
    mkdirSync(join(folder, name), { recursive: true });
    writeFileSync(join(folder, name, "package.json"), JSON.stringify(manifest));
  };
  write("a", { name: "a", version: "1.0.0", description: "long", scripts: { test: "x", install: "y" } });
  write("b", { name: "b", repository: { url: "https://example.com/b" }, optionalDependencies: { a: "1" } });
  let kept: Uint8Array | undefined;
  let puts = 0;
  const store: ManifestStore = {
    get: () => kept,
    put(bytes) {
      kept = bytes;
      puts++;
    },
    settled,
  };
  const read = async () => {
    const manifests = new Manifests(store);
    const found = [await manifests.of(join(folder, "a")), await manifests.of(join(folder, "b"))];
    assert.equal(await manifests.of(join(folder, "none")), undefined);
    manifests.keep();
    return found;
  };
  return { folder, write, read, store, puts: () => puts };
}

const A = { name: "a", version: "1.0.0", scripts: { install: "y" } };
const B = { name: "b", repository: { url: "https://example.com/b" }, optionalDependencies: { a: "1" } };

test("what packages say of themselves is known again while their files are as they were", async (t) => {
  const { folder, read, store, puts } = await packages(t);
  assert.deepEqual(await read(), [A, B]);
  assert.deepEqual(await read(), [A, B]);
  assert.equal(puts(), 1);
  // What is taken from the store isn't read.
  const told = Buffer.from(store.get()!).toString().replace('"1.0.0"', '"told"');
  store.put(Buffer.from(told));
  assert.equal((await read())[0]?.["version"], "told");
  // The same size and time, but another file.
  const path = join(folder, "b/package.json");
  const { atime, mtime } = statSync(path);
  writeFileSync(path, JSON.stringify({ ...B, name: "c" }));
  utimesSync(path, atime, mtime);
  assert.deepEqual((await read())[1], { ...B, name: "c" });
});

test("a file that has just changed is read again, and so is everything if what was kept is broken", async (t) => {
  const { read, write, store } = await packages(t, 0);
  assert.deepEqual(await read(), [A, B]);
  assert.equal(store.get(), undefined);
  for (const broken of ["{", "{}", '{"format":1,"known":7}']) {
    store.put(Buffer.from(broken));
    assert.deepEqual(await read(), [A, B]);
  }
  write("a", { name: "a" });
  assert.deepEqual((await read())[0], { name: "a" });
});
