import assert from "node:assert/strict";
import { once } from "node:events";
import { chmodSync, constants, symlinkSync, utimesSync } from "node:fs";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import fc from "fast-check";
import { listTree, pathsOf } from "#fs";
import { mustRun } from "../../support/process.ts";
import { askPython } from "../../support/python.ts";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import { dir } from "../../support/tree-arbitraries.ts";

describe("the listing of a tree", () => {
  it("has the order of Python's sorted paths", { skip: requires("python") }, async (t) => {
    const folder = await temporaryFolder(t);
    const trees = fc.sample(dir, 60);
    const roots = trees.map((tree, index) => {
      writeTree(`${folder}/${index}`, tree);
      return `${folder}/${index}`;
    });
    const program = `
from pathlib import Path
def names(root):
    paths = sorted([root, *root.rglob("*")])
    return [str(path.relative_to(root)) if path != root else "" for path in paths]
output = [names(Path(root)) for root in input]`;
    const expected = askPython<string[][]>(program, roots);
    assert.ok(expected.some((names) => names.length > 20));
    for (const [index, root] of roots.entries())
      assert.deepEqual(pathsOf(listTree(root).names), expected[index]);
  });

  it("keeps a folder's content together, whatever sorts before a slash", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    const leaf: Tree = { file: "" };
    writeTree(root, { dir: { "a-b": leaf, "a.b": leaf, a: { dir: { z: leaf, b: leaf } }, "a b": leaf } });
    assert.deepEqual(pathsOf(listTree(root).names), ["", "a", "a/b", "a/z", "a b", "a-b", "a.b"]);
  });

  it("says what each name is, and sizes of files alone", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    writeTree(root, {
      dir: {
        dir: { dir: {}, mode: 0o1777 },
        fifo: { fifo: true, mode: 0o600 },
        file: { file: 700, mode: 0o4755 },
        link: { link: "to/\udcff" },
        "not-utf8-\udcfe": { file: 3 },
      },
      mode: 0o700,
    });
    utimesSync(`${root}/file`, 1, 1234.5);
    const { names, modes, sizes, mtimes, targets, devices } = listTree(root);
    assert.deepEqual(pathsOf(names), ["", "dir", "fifo", "file", "link", "not-utf8-\udcfe"]);
    assert.deepEqual(
      [...modes].map((mode) => mode.toString(8)),
      ["40700", "41777", "10600", "104755", "120777", "100644"],
    );
    assert.deepEqual([...sizes], [0, 0, 0, 700, 0, 3]);
    assert.equal(mtimes[3], 1234500);
    assert.deepEqual([...targets], [[4, "to/\udcff"]]);
    assert.equal(devices.size, 0);
  });

  it("has one entry for a root that is a file or a link, which isn't followed", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/dir`, { dir: { a: { file: "" } } });
    writeTree(`${folder}/file`, { file: 5 });
    symlinkSync("dir", `${folder}/link`);
    symlinkSync("nowhere", `${folder}/dangling`);
    assert.deepEqual(pathsOf(listTree(`${folder}/file`).names), [""]);
    assert.deepEqual([...listTree(`${folder}/file`).sizes], [5]);
    for (const name of ["link", "dangling"]) {
      const { names, targets } = listTree(`${folder}/${name}`);
      assert.deepEqual(pathsOf(names), [""]);
      assert.equal(targets.size, 1);
    }
  });

  it("lists device numbers", async () => {
    const { names, devices, sizes } = listTree("/dev/null");
    assert.deepEqual(pathsOf(names), [""]);
    assert.deepEqual([...devices], [[0, (1 << 8) | 3]]);
    assert.equal(sizes[0], 0);
  });

  it("leaves out what is excluded, with all that is in it, and nothing that is only called alike", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    const leaf: Tree = { file: "" };
    const inner: Tree = { dir: { x: leaf, y: leaf } };
    writeTree(root, { dir: { a: inner, ab: leaf, b: { dir: { a: inner, c: leaf } }, c: leaf } });
    const exclude = ["a", "b/c", "b/a/y", "gone", "c/"];
    assert.deepEqual(pathsOf(listTree(root, { exclude }).names), ["", "ab", "b", "b/a", "b/a/x", "c"]);
  });

  it("refuses a socket by its path", async (t) => {
    const root = await temporaryFolder(t);
    const server = createServer().listen(`${root}/socket`);
    await once(server, "listening");
    t.after(() => server.close());
    assert.throws(() => listTree(root), {
      code: "UNSUPPORTED_FILE",
      message: `${root}/socket is a socket, which a tar archive can't hold; remove it`,
    });
    assert.deepEqual(pathsOf(listTree(root, { exclude: ["socket"] }).names), [""]);
  });

  it("says which path isn't there", async (t) => {
    const folder = await temporaryFolder(t);
    assert.throws(() => listTree(`${folder}/gone`), {
      code: "NOT_FOUND",
      message: `cannot read ${folder}/gone: it does not exist`,
    });
  });

  it("says which folder can't be read", async (t) => {
    const root = await temporaryFolder(t);
    writeTree(`${root}/closed`, { dir: {}, mode: 0 });
    chmodSync(root, 0o755);
    const module = new URL("../../../src/layers/fs/index.ts", import.meta.url).href;
    const program = `
      const { listTree } = await import(${JSON.stringify(module)});
      // Root may read everything.
      if (process.getuid() === 0) { process.setgroups([]); process.setgid(65534); process.setuid(65534); }
      try { listTree(${JSON.stringify(root)}); } catch (error) { console.log(error.code, error.message); }`;
    assert.equal(
      await mustRun([process.execPath, "--input-type=module", "-e", program]),
      `UNREADABLE cannot read ${root}/closed: permission denied\n`,
    );
  });

  it("lists a tree whose paths are as long as the system lets them be", async (t) => {
    const root = await temporaryFolder(t);
    const deep = Array.from({ length: 1500 }, () => "d").join("/");
    await mustRun(["mkdir", "-p", `${root}/${deep}`]);
    const { names, modes } = listTree(root);
    const paths = pathsOf(names);
    assert.equal(paths.length, 1501);
    assert.equal(paths.at(-1), deep);
    assert.ok([...modes].every((mode) => (mode & constants.S_IFMT) === constants.S_IFDIR));
  });

  it("leaves out what is being written aside for a path that is left out, and for no other", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    const aside = (name: string) => `${name}.varve-123e4567-e89b-12d3-a456-426614174000.tmp`;
    const files = ["image.tar", aside("image.tar"), aside("other.tar"), "image.tar.varve-notes.tmp"];
    writeTree(root, { dir: Object.fromEntries(files.map((name) => [name, { file: 1 }])) });
    const { names } = listTree(root, { exclude: ["image.tar"] });
    assert.deepEqual(pathsOf(names), ["", "image.tar.varve-notes.tmp", aside("other.tar")]);
  });
});
