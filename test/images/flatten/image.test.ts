import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { flattenedTree, flattenImage, type RootEntry } from "#flatten";
import { readTar, streamInput, type TarEntry } from "#tar";
import { type MadeEntry, madeImage } from "#testing";

type Entries = Readonly<Record<string, string | MadeEntry>>;

const dir: MadeEntry = { dir: true };
const hardLink = (link: string): MadeEntry => ({ link, type: "1" });

interface FlatEntry {
  readonly entry: TarEntry;
  readonly content: string;
}

async function imageOf(layers: readonly Entries[]) {
  return await madeImage(layers.map((entries, index) => ({ entries, ...(index % 2 ? {} : { gzip: 1 }) })));
}

async function flat(layers: readonly Entries[], options: { mtime?: number } = {}): Promise<FlatEntry[]> {
  const image = await imageOf(layers);
  const found: FlatEntry[] = [];
  const input = streamInput(flattenImage(image.layers, options));
  for await (const { entry, read } of readTar(input, "the flattened root")) {
    found.push({ entry, content: Buffer.from(await read(entry.size)).toString() });
  }
  return found;
}

const lines = (entries: readonly FlatEntry[]) =>
  entries.map(({ entry: { type, name, linkname }, content }) =>
    [type, name, content || linkname].filter((part) => part !== "").join(" "),
  );

/**
 * Nothing is made in a directory after an entry that is outside of it has followed the directory's own: GNU tar gives
 * the directory its mode and time there.
 */
function assertLeftWhole(entries: readonly FlatEntry[]): void {
  const names = entries.map(({ entry }) => entry.name);
  for (const [index, { entry }] of entries.entries()) {
    if (entry.type !== "5") continue;
    const inside = (name: string) => name.startsWith(`${entry.name}/`);
    const left = names.findIndex((name, at) => at > index && !inside(name));
    if (left === -1) continue;
    const child = (name: string) => name.slice(entry.name.length + 1).split("/")[0];
    const made = new Set(names.slice(0, left).filter(inside).map(child));
    const late = names.slice(left).filter((name) => inside(name) && !made.has(child(name)));
    assert.deepEqual(late, [], `made in ${entry.name} after it was left`);
  }
}

describe("a flattened image", () => {
  it("has the upper layers' contents, by layer and in the order of each", async () => {
    assert.deepEqual(
      lines(
        await flat([
          { b: dir, "b/z": "z0", "b/a": "a0", gone: "x" },
          { "b/a": "a1", c: "c1", ".wh.gone": "" },
        ]),
      ),
      ["5 b", "0 b/z z0", "0 b/a a1", "0 c c1"],
    );
  });

  it("puts a directory before what is in it, and makes those that no layer has an entry for", async () => {
    const entries = await flat([{ "a/b/c": "1", a: { dir: true, mode: 0o700, uid: 7 } }]);
    assert.deepEqual(lines(entries), ["5 a", "5 a/b", "0 a/b/c 1"]);
    assert.deepEqual(
      entries.map(({ entry: { mode, uid, mtime } }) => [mode, uid, mtime]),
      [
        [0o700, 7, 1],
        [0o755, 0, 0],
        [0o644, 0, 1],
      ],
    );
  });

  it("has a directory at the end where something is made in it later, and once, since Docker refuses a path twice", async () => {
    const entries = await flat([
      { d: { dir: true, mode: 0o555 }, "d/a": "1", e: dir, "e/x": "1" },
      { "d/b": "2" },
    ]);
    assert.deepEqual(lines(entries), ["0 d/a 1", "5 e", "0 e/x 1", "0 d/b 2", "5 d"]);
    assert.equal(entries.at(-1)!.entry.mode, 0o555);
  });

  it("has the root only where a layer has an entry for it", async () => {
    assert.deepEqual(lines(await flat([{ a: "1" }])), ["0 a 1"]);
    assert.deepEqual(lines(await flat([{ "./": { dir: true, mode: 0o700 }, a: "1" }])), ["0 a 1", "5 ."]);
  });

  it("keeps hard links, to the first name that is left", async () => {
    const layers = [
      { z: "content", a: hardLink("z"), m: hardLink("a"), gone: hardLink("z") },
      { ".wh.gone": "", ".wh.a": "" },
    ];
    assert.deepEqual(lines(await flat(layers)), ["0 m content", "1 z m"]);
  });

  it("makes links of their own of symbolic links with several names", async () => {
    assert.deepEqual(lines(await flat([{ a: { link: "/x" }, b: hardLink("a") }])), ["2 a /x", "2 b /x"]);
  });

  it("keeps owners, times, attributes and devices", async () => {
    const pax = new Map([
      ["SCHILY.xattr.security.capability", "\u0001"],
      ["mtime", "12.5"],
      ["path", "./file"],
    ]);
    const [file, device] = await flat([
      {
        "./file": { content: "x", pax, uid: 5_000_000, gname: "staff", mode: 0o4711 },
        tty: { type: "3", devmajor: 5, devminor: 1 },
      },
    ]);
    assert.equal(file!.entry.name, "file");
    assert.equal(file!.entry.pax?.get("SCHILY.xattr.security.capability"), "\u0001");
    assert.equal(file!.entry.pax?.has("path"), false);
    assert.deepEqual(
      [file!.entry.mtime, file!.entry.uid, file!.entry.gname, file!.entry.mode],
      [12.5, 5_000_000, "staff", 0o4711],
    );
    assert.deepEqual([device!.entry.devmajor, device!.entry.devminor], [5, 1]);
  });

  it("has one time for all where it is told to", async () => {
    const pax = new Map([["atime", "3"]]);
    const entries = await flat([{ "d/a": { content: "1", mtime: 99, pax }, l: { link: "d" } }], {
      mtime: 42,
    });
    assert.deepEqual(
      entries.map(({ entry }) => [entry.mtime, entry.pax]),
      entries.map(() => [42, undefined]),
    );
  });

  it("reads a layer twice at the most, and once where nothing of it is left but names", async () => {
    const image = await imageOf([{ a: "1" }, { a: "2" }, { d: dir, l: { link: "d" } }]);
    for await (const _ of flattenImage(image.layers)) {
      // Only to have it all read.
    }
    assert.deepEqual(
      image.layers.map((layer) => layer.opened()),
      [1, 2, 1],
    );
  });

  it("fails where a layer is another the second time", async () => {
    const one = (await imageOf([{ a: "1" }])).layers[0]!;
    const other = (await imageOf([{ b: "1" }])).layers[0]!;
    let opened = 0;
    const changing = { ...one, open: () => (opened++ === 0 ? one : other).open() };
    await assert.rejects(
      async () => {
        for await (const _ of flattenImage([changing])) {
          // Only to have it all read.
        }
      },
      { code: "DIGEST_MISMATCH" },
    );
  });

  it("holds what the tree holds, no path twice and links backwards, for all layers", async () => {
    const name = fc.constantFrom("a", "b", "c", "a/b", "a/c", "b/c", "a/b/c", "c/a/b");
    const change = fc.oneof(
      fc.record({ name, entry: fc.string({ maxLength: 3 }) }),
      fc.record({ name, entry: fc.constant(dir) }),
      fc.record({ name, entry: fc.constantFrom({ link: "a" }, { link: "/b" }, { link: "../c" }) }),
      fc.record({ name, entry: fc.constantFrom(hardLink("a"), hardLink("b/c"), hardLink("c")) }),
      fc.record({ name: name.map((path) => path.replace(/[^/]+$/, ".wh.$&")), entry: fc.constant("") }),
      fc.record({ name: name.map((path) => path.replace(/[^/]+$/, ".wh..wh..opq")), entry: fc.constant("") }),
    );
    const layer = fc
      .array(change, { maxLength: 8 })
      .map((changes): Entries => Object.fromEntries(changes.map(({ name, entry }) => [name, entry])));
    let sound = 0;
    await fc.assert(
      fc.asyncProperty(fc.array(layer, { maxLength: 4 }), async (layers) => {
        const image = await imageOf(layers);
        const tree = await flattenedTree(image.layers).catch((error) => {
          assert.equal(error.code, "INVALID_IMAGE");
        });
        if (tree === undefined) return;
        sound++;
        const entries = await flat(layers);
        const seen = new Map<string, TarEntry>();
        for (const { entry, content } of entries) {
          assert.ok(!seen.has(entry.name), entry.name);
          if (entry.type === "1") assert.equal(seen.get(entry.linkname ?? "")?.type, "0");
          const origin: RootEntry = tree.entry(entry.name)!;
          const source: string | MadeEntry = Object.values(layers[origin.layer]!)[origin.position]!;
          if (entry.type === "0") assert.equal(content, typeof source === "string" ? source : "");
          seen.set(entry.name, entry);
        }
        assertLeftWhole(entries);
        const expected = [...tree.entries()].filter(([path]) => path !== "").map(([path]) => path);
        assert.deepEqual([...seen.keys()].sort(), expected.sort());
      }),
      { numRuns: 300 },
    );
    assert.ok(sound > 50, `only ${sound} images were sound`);
  });
});
