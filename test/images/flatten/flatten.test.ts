import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { flattenedTree } from "#flatten";
import { type MadeEntry, madeImage } from "#testing";

type Entries = Readonly<Record<string, string | MadeEntry>>;

const dir: MadeEntry = { dir: true };
const hardLink = (link: string): MadeEntry => ({ link, type: "1" });

async function treeOf(...layers: readonly Entries[]) {
  const image = await madeImage(layers.map((entries) => ({ entries, gzip: 1 })));
  return await flattenedTree(image.layers);
}

/** What is at which path, and from which layer. */
async function shapeOf(...layers: readonly Entries[]): Promise<Record<string, string>> {
  const tree = await treeOf(...layers);
  const shape = [...tree.entries()].flatMap(([path, { kind, layer, entry, implied }]) =>
    path === ""
      ? []
      : [
          [
            path,
            `${kind}${entry.linkname && kind === "symlink" ? ` ${entry.linkname}` : ""} ${implied ? "implied" : layer}`,
          ],
        ],
  );
  return Object.fromEntries(shape.sort()) as Record<string, string>;
}

describe("the tree of an image's root", () => {
  it("has the entries of all layers, the upper ones' for the same path", async () => {
    assert.deepEqual(
      await shapeOf({ etc: dir, "etc/a": "1", "etc/b": "1" }, { "etc/b": "2", "etc/c": "2" }),
      {
        etc: "directory 0",
        "etc/a": "file 0",
        "etc/b": "file 1",
        "etc/c": "file 1",
      },
    );
  });

  it("tells what is at a path without following links", async () => {
    const tree = await treeOf({ usr: dir, "usr/x": "1", bin: { link: "usr" }, tty: { type: "3" } });
    assert.deepEqual(tree.get("/usr"), { type: "directory" });
    assert.deepEqual(tree.get("usr/x"), { type: "file" });
    assert.deepEqual(tree.get("/bin"), { type: "symlink", target: "usr" });
    assert.deepEqual(tree.get("/tty"), { type: "other" });
    assert.equal(tree.get("/bin/x"), undefined);
    assert.equal(tree.get("/usr/x/y"), undefined);
    assert.deepEqual(tree.get("/"), { type: "directory" });
  });

  it("takes away what a whiteout names, in lower layers only, wherever in its layer it stands", async () => {
    const lower = { d: dir, "d/old": "1", gone: "1", both: "1" };
    const upper = { "d/new": "2", both: "2", ".wh.both": "", ".wh.gone": "", ".wh.d": "", ".wh.never": "" };
    const expected = { d: "directory implied", "d/new": "file 1", both: "file 1" };
    assert.deepEqual(await shapeOf(lower, upper), expected);
    assert.deepEqual(await shapeOf(lower, Object.fromEntries(Object.entries(upper).reverse())), expected);
  });

  it("empties an opaque directory of what lower layers have at any depth", async () => {
    const lower = { d: dir, "d/sub": dir, "d/sub/old": "1", "d/old": "1", other: "1" };
    const upper = { d: { dir: true, mode: 0o700 }, "d/.wh..wh..opq": "", "d/sub/new": "2" } as const;
    const expected = {
      d: "directory 1",
      "d/sub": "directory implied",
      "d/sub/new": "file 1",
      other: "file 0",
    };
    assert.deepEqual(await shapeOf(lower, upper), expected);
    assert.deepEqual(await shapeOf(lower, Object.fromEntries(Object.entries(upper).reverse())), expected);
  });

  it("empties the whole root where the root is opaque", async () => {
    assert.deepEqual(await shapeOf({ a: "1" }, { ".wh..wh..opq": "", b: "2" }), { b: "file 1" });
  });

  it("ignores what AUFS keeps for itself", async () => {
    assert.deepEqual(await shapeOf({ ".wh..wh.plnk": dir, ".wh..wh.plnk/1.2": "x", ".wh..wh.aufs": "" }), {});
  });

  it("keeps a directory's children where an upper layer has another entry for it", async () => {
    const tree = await treeOf({ d: dir, "d/a": "1" }, { d: { dir: true, mode: 0o700 } });
    assert.equal(tree.entry("d")?.entry.mode, 0o700);
    assert.deepEqual(tree.get("d/a"), { type: "file" });
  });

  it("follows a link of the same layer, within the root", async () => {
    for (const link of ["usr/bin", "/usr/bin", "../../usr/bin"]) {
      assert.deepEqual(await shapeOf({ bin: { link }, "bin/x": "1" }), {
        bin: `symlink ${link} 0`,
        usr: "directory implied",
        "usr/bin": "directory implied",
        "usr/bin/x": "file 0",
      });
    }
  });

  it("covers a link or a file of a lower layer with a directory", async () => {
    const lower = { usr: dir, "usr/ls": "1", bin: { link: "usr" }, file: "1" };
    assert.deepEqual(await shapeOf(lower, { "bin/x": "2", "file/x": "2" }), {
      usr: "directory 0",
      "usr/ls": "file 0",
      bin: "directory implied",
      "bin/x": "file 1",
      file: "directory implied",
      "file/x": "file 1",
    });
  });

  it("has one entry for all names of a file, in other layers, too", async () => {
    const tree = await treeOf({ a: "1", b: hardLink("a") }, { c: hardLink("./b"), ".wh.a": "" });
    assert.equal(tree.entry("a"), undefined);
    assert.equal(tree.entry("b")?.entry.name, "a");
    assert.equal(tree.entry("b"), tree.entry("c"));
  });

  it("lets the last of equal names in a layer win", async () => {
    assert.deepEqual(await shapeOf({ a: dir, "a/x": "1", "./a": "2", "//b": "3", b: dir }), {
      a: "file 0",
      b: "directory 0",
    });
  });

  it("refuses a layer that isn't what its diff ID says", async () => {
    const { layers } = await madeImage([{ entries: { a: "1" }, gzip: 1 }, { entries: { b: "1" } }]);
    const wrong = [{ ...layers[0]!, diffId: layers[1]!.diffId }];
    await assert.rejects(flattenedTree(wrong), { code: "DIGEST_MISMATCH" });
  });

  it("stops when it is cancelled", async () => {
    const { layers } = await madeImage([{ entries: { a: "1" } }]);
    await assert.rejects(flattenedTree(layers, { signal: AbortSignal.abort() }), { code: "ABORTED" });
  });

  for (const [what, entries, wording] of [
    ["a name that leaves the root", { "../x": "1" }, /"\.\.\/x".*leaves the root/],
    ["a name that leaves the root further in", { "a/../../x": "1" }, /leaves the root/],
    ["a whiteout of the parent folder", { "a/.wh...": "" }, /names nothing/],
    ["a whiteout of the folder itself", { "a/.wh..": "" }, /names nothing/],
    ["a whiteout of nothing", { ".wh.": "" }, /names nothing/],
    ["an entry in a whiteout", { ".wh.a/b": "" }, /a whiteout's name/],
    ["a root that is a link", { "./": { link: "/etc" } }, /is the root, but no directory/],
    ["a root that is a file", { "/": "x" }, /is the root, but no directory/],
    ["an entry below a file", { a: "1", "a/b": "2" }, /below a, which is not a directory/],
    [
      "links that lead to each other",
      { a: { link: "b" }, b: { link: "a" }, "a/x": "1" },
      /more symbolic links/,
    ],
    ["a hard link to nothing", { a: hardLink("b") }, /hard link to b, which isn't there/],
    ["a hard link out of the root", { a: hardLink("../b") }, /leaves the root/],
    ["a hard link to a directory", { d: dir, a: hardLink("d") }, /which is a directory/],
    ["a link to nowhere", { a: { type: "2" } }, /leads nowhere/],
    ["an entry of an unknown type", { a: { type: "V" } }, /of the type "V"/],
    ["a path longer than any", { [`${"a/".repeat(2100)}x`]: "1" }, /longer than any system's/],
    ["an owner that no system has", { a: { uid: 2 ** 32 } }, /has the owner 4294967296/],
  ] as const satisfies readonly (readonly [string, Entries, RegExp])[]) {
    it(`refuses ${what}, naming layer and entry`, async () => {
      await assert.rejects(treeOf({ ok: "1" }, entries), (error: Error & { code?: string }) => {
        assert.equal(error.code, "INVALID_IMAGE");
        assert.match(error.message, /^layer 2 \(sha256:[0-9a-f]{64}\) has the entry "/);
        assert.match(error.message, wording);
        return true;
      });
    });
  }
});
