import assert from "node:assert/strict";
import { mkdirSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { makeGraph } from "#graph";
import { checkSpec } from "#spec";
import { watchedPaths, watchFiles } from "../../../src/front/app/watch.ts";
import { temporaryFolder } from "../../support/tmp.ts";

/** A folder that is watched, and looked at when the test says so. */
async function watched(t: TestContext) {
  const folder = await temporaryFolder(t);
  mkdirSync(`${folder}/src`);
  mkdirSync(`${folder}/node_modules/dep`, { recursive: true });
  mkdirSync(`${folder}/.git`);
  writeFileSync(`${folder}/src/a`, "a");
  writeFileSync(`${folder}/node_modules/dep/index.js`, "dep");
  const control = new AbortController();
  const changes: string[] = [];
  let waiting = Promise.withResolvers<void>();
  let looked = Promise.withResolvers<void>();
  const roots = [folder, `${folder}/not-there`];
  const watch = watchFiles(() => [...roots], {
    signal: control.signal,
    onChange: async (path) => void changes.push(path.slice(folder.length + 1)),
    async pause() {
      looked.resolve();
      await waiting.promise;
    },
  });
  t.after(async () => {
    control.abort();
    waiting.resolve();
    await watch;
  });
  await looked.promise;
  /** Looks once, and says what changes have been told by then. */
  const look = async () => {
    looked = Promise.withResolvers();
    const go = waiting;
    waiting = Promise.withResolvers();
    go.resolve();
    await looked.promise;
    return changes.splice(0);
  };
  return { folder, look, roots };
}

describe("watchFiles", () => {
  it("tells of a change when nothing has changed since, and once", async (t) => {
    const { folder, look } = await watched(t);
    assert.deepEqual(await look(), []);
    writeFileSync(`${folder}/src/a`, "other");
    assert.deepEqual(await look(), [], "there may be more to come");
    writeFileSync(`${folder}/src/b`, "new");
    assert.deepEqual(await look(), []);
    assert.deepEqual(await look(), ["src/a"]);
    assert.deepEqual(await look(), []);
  });

  it("sees what is added, renamed, replaced and removed", async (t) => {
    const { folder, look } = await watched(t);
    const seen = async () => [...(await look()), ...(await look())];
    symlinkSync("a", `${folder}/src/link`);
    assert.deepEqual(await seen(), ["src/link"]);
    writeFileSync(`${folder}/src/new`, "a");
    renameSync(`${folder}/src/new`, `${folder}/src/a`);
    assert.deepEqual(await seen(), ["src/a"]);
    rmSync(`${folder}/src/a`);
    assert.deepEqual(await seen(), ["src/a"]);
    writeFileSync(`${folder}/not-there`, "now it is");
    assert.deepEqual(await seen(), ["not-there"]);
    rmSync(`${folder}/src`, { recursive: true });
    assert.equal((await seen()).length, 1);
  });

  it("knows of packages and of git what their tools tell", async (t) => {
    const { folder, look } = await watched(t);
    const seen = async () => [...(await look()), ...(await look())];
    writeFileSync(`${folder}/node_modules/dep/index.js`, "changed");
    writeFileSync(`${folder}/.git/FETCH_HEAD`, "x");
    assert.deepEqual(await seen(), []);
    writeFileSync(`${folder}/node_modules/.package-lock.json`, "{}");
    assert.deepEqual(await seen(), ["node_modules/.package-lock.json"]);
  });

  it("takes what it is told of later for unchanged until then, and for nothing else", async (t) => {
    const { folder, look, roots } = await watched(t);
    const seen = async () => [...(await look()), ...(await look())];
    mkdirSync(`${folder}/node_modules/linked`);
    writeFileSync(`${folder}/node_modules/linked/a`, "a");
    roots.push(`${folder}/node_modules/linked`);
    assert.deepEqual(await seen(), []);
    writeFileSync(`${folder}/node_modules/linked/a`, "other");
    assert.deepEqual(await seen(), ["node_modules/linked/a"]);
    mkdirSync(`${folder}/node_modules/second`);
    roots.push(`${folder}/node_modules/second`);
    writeFileSync(`${folder}/src/a`, "changed at the same time");
    assert.deepEqual(await seen(), ["src/a"]);
  });
});

describe("watchedPaths", () => {
  it("are those that a spec names, and a workspace's other packages; not what never changes", () => {
    const spec = checkSpec({ name: "app", graph: "/w/app", copyToRoot: ["/root", "/nix/store/x-1"] });
    const component = (id: string) => ({ id, path: `/w/${id}`, references: [] });
    const graph = makeGraph(["app", "lib", "node_modules/dep"].map(component), {
      kind: "npm",
      origin: "a test",
    });
    assert.deepEqual(watchedPaths("/w/app", spec), ["/w/app", "/root"]);
    assert.deepEqual(watchedPaths("/w/app", spec, graph), ["/w/app", "/root", "/w/lib"]);
  });
});
