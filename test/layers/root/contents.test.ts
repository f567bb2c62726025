import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { type MergedContents, mergeContents } from "#root";
import { EntryType } from "#tar";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

/** Merges trees, each of which is at `/store/NAME` in the image, in the order given. */
async function merge(
  t: TestContext,
  trees: Readonly<Record<string, Tree>>,
): Promise<MergedContents & { folder: string }> {
  const folder = await temporaryFolder(t);
  for (const [name, tree] of Object.entries(trees)) writeTree(`${folder}/${name}`, tree);
  const sources = Object.keys(trees).map((name) => ({
    source: `${folder}/${name}`,
    target: `/store/${name}`,
  }));
  return { ...mergeContents(sources), folder };
}

/** A line for each entry: a directory with a slash behind it, a link with an arrow. */
const lines = ({ items }: MergedContents) =>
  items.map(({ entry }) =>
    entry.type === EntryType.directory ? `${entry.name}/` : `${entry.name} -> ${entry.linkname}`,
  );

const file: Tree = { file: "x", mode: 0o755 };

describe("contents", () => {
  it("become directories, and links to the files in the image", async (t) => {
    const merged = await merge(t, {
      one: { dir: { bin: { dir: { run: file } }, top: file, empty: { dir: {}, mode: 0o700 } } },
    });
    assert.deepEqual(lines(merged), [
      "/bin/",
      "/bin/run -> /store/one/bin/run",
      "/empty/",
      "/top -> /store/one/top",
    ]);
    assert.deepEqual(merged.notes, []);
    // Modes are not the trees' own: a directory is for everybody to look into.
    assert.deepEqual(
      new Set(merged.items.map(({ entry }) => `${entry.type} ${entry.mode.toString(8)}`)),
      new Set(["5 755", "2 777"]),
    );
  });

  it("keep links as they are", async (t) => {
    const merged = await merge(t, {
      one: { dir: { a: { link: "../elsewhere/\udcff" }, b: { link: "/store/other" } } },
    });
    assert.deepEqual(lines(merged), ["/a -> ../elsewhere/\udcff", "/b -> /store/other"]);
  });

  it("of several trees have their directories merged, in one order", async (t) => {
    const merged = await merge(t, {
      one: { dir: { bin: { dir: { b: file } }, share: { dir: { z: file } } } },
      two: {
        dir: { bin: { dir: { a: file } }, "bin-x": file, share: { dir: { man: { dir: { m: file } } } } },
      },
    });
    assert.deepEqual(lines(merged), [
      "/bin/",
      "/bin/a -> /store/two/bin/a",
      "/bin/b -> /store/one/bin/b",
      "/bin-x -> /store/two/bin-x",
      "/share/",
      "/share/man/",
      "/share/man/m -> /store/two/share/man/m",
      "/share/z -> /store/one/share/z",
    ]);
    assert.deepEqual(merged.notes, []);
  });

  it("take the first of two equal names, with a note", async (t) => {
    const merged = await merge(t, {
      one: { dir: { bin: { dir: { sh: file } } } },
      two: { dir: { bin: { dir: { sh: file } } } },
    });
    assert.deepEqual(lines(merged), ["/bin/", "/bin/sh -> /store/one/bin/sh"]);
    assert.deepEqual(merged.notes, [
      `/bin/sh is in both ${merged.folder}/one and ${merged.folder}/two; the first is taken`,
    ]);
  });

  it("leave out a directory where a file is first, with one note for all that is in it", async (t) => {
    const below: Tree = { dir: { a: file, b: { dir: { c: file } } } };
    const merged = await merge(t, {
      one: { dir: { x: file } },
      two: { dir: { x: below, "x-y": file, y: file } },
    });
    assert.deepEqual(lines(merged), ["/x -> /store/one/x", "/x-y -> /store/two/x-y", "/y -> /store/two/y"]);
    assert.equal(merged.notes.length, 1);
    assert.match(merged.notes[0]!, /^\/x is in both /);
  });

  it("leave out a file or a link where a directory is first", async (t) => {
    const merged = await merge(t, {
      one: { dir: { x: { dir: { a: file } }, y: { dir: {} } } },
      two: { dir: { x: file, y: { link: "x" } } },
    });
    assert.deepEqual(lines(merged), ["/x/", "/x/a -> /store/one/x/a", "/y/"]);
    assert.equal(merged.notes.length, 2);
  });

  it("leave out below a link that is first and leads to nothing", async (t) => {
    const merged = await merge(t, {
      one: { dir: { lib: { link: "lib64" } } },
      two: { dir: { lib: { dir: { a: file } } } },
    });
    assert.deepEqual(lines(merged), ["/lib -> lib64"]);
    assert.equal(merged.notes.length, 1);
  });

  it("are nothing for no trees, and for empty ones", async (t) => {
    assert.deepEqual(mergeContents([]), { items: [], notes: [] });
    assert.deepEqual(lines(await merge(t, { one: { dir: {} } })), []);
  });

  it("must be folders", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/file`, file);
    for (const name of ["file", "gone"]) {
      assert.throws(() => mergeContents([{ source: `${folder}/${name}`, target: "/x" }]), {
        code: name === "gone" ? "NOT_FOUND" : "UNREADABLE",
        message: new RegExp(`${folder}/${name}`),
      });
    }
  });
});
