import assert from "node:assert/strict";
import { mkdirSync } from "node:fs";
import { rm } from "node:fs/promises";
import { describe, it } from "node:test";
import fc from "fast-check";
import { type EntryItem, type LayerRecipe, listRecipe, packLayer, pathsOf } from "#fs";
import { EntryType, readTar, type TarEntry } from "#tar";
import { memoryInput } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

type Item = LayerRecipe["items"][number];

interface Packed {
  readonly entry: TarEntry;
  readonly content: string;
}

/** The layer's members, as they stand in it. */
async function pack(items: readonly Item[], fields: Partial<LayerRecipe> = {}): Promise<Packed[]> {
  const recipe: LayerRecipe = {
    items,
    owner: { uid: 0, gid: 0, uname: "root", gname: "root" },
    mtime: 1,
    modes: "keep",
    components: [],
    ...fields,
  };
  const chunks: Buffer[] = [];
  for (const chunk of packLayer(recipe, { listings: listRecipe(recipe) })) chunks.push(Buffer.from(chunk));
  const found: Packed[] = [];
  for await (const { entry, read } of readTar(memoryInput(Buffer.concat(chunks)), "the layer")) {
    found.push({ entry, content: Buffer.from(await read(entry.size)).toString() });
  }
  return found;
}

/** What each member is, in a line. */
function lines(packed: readonly Packed[]): string[] {
  return packed.map(({ entry: { name, type, mode, linkname }, content }) => {
    if (type === EntryType.directory) return `${name}/ ${mode.toString(8)}`;
    return type === EntryType.symlink ? `${name} -> ${linkname}` : `${name} = ${content}`;
  });
}

const file = (name: string, content: string): EntryItem => ({
  kind: "entry",
  entry: { name, type: EntryType.file, mode: 0o644 },
  content: Buffer.from(content),
});
const dir = (name: string, mode: number): EntryItem => ({
  kind: "entry",
  entry: { name, type: EntryType.directory, mode },
});
const implied = (name: string): EntryItem => ({ ...dir(name, 0o755), implied: true });
const link = (name: string, linkname: string): EntryItem => ({
  kind: "entry",
  entry: { name, type: EntryType.symlink, mode: 0o777, linkname },
});

describe("items that meet in one layer", () => {
  it("have the directories of a package and one nested in it once, and really the package's", async (t) => {
    const folder = await temporaryFolder(t);
    const nested: Tree = { dir: { x: { file: "nested" } } };
    const modules: Tree = { dir: { "@s": { dir: { x: nested }, mode: 0o711 } }, mode: 0o700 };
    writeTree(`${folder}/npm`, { dir: { lib: { file: "npm" }, node_modules: modules } });
    const inner = "node_modules/@s/x";
    const npm = { kind: "tree", source: `${folder}/npm`, target: "/app/npm", exclude: [inner] } as const;
    const x = { kind: "tree", source: `${folder}/npm/${inner}`, target: `/app/npm/${inner}` } as const;
    const above = ["/app", "/app/npm/node_modules", "/app/npm/node_modules/@s"].map(implied);
    const expected = [
      "/app/ 755",
      "/app/npm/ 755",
      "/app/npm/node_modules/ 700",
      "/app/npm/node_modules/@s/ 711",
    ];
    const own = "/app/npm/lib = npm";
    const ofNested = [`/app/npm/${inner}/ 755`, `/app/npm/${inner}/x = nested`];
    assert.deepEqual(lines(await pack([...above, npm, x])), [...expected, own, ...ofNested]);
    // A group's order is the graph's, and that may have what is nested first.
    assert.deepEqual(lines(await pack([...above, x, npm])), [...expected, ...ofNested, own]);
    assert.deepEqual(lines(await pack([x, npm])), [...expected.slice(1), ...ofNested, own]);
  });

  it("are as their layers would be, the first one above the others", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/low`, {
      dir: {
        d: { dir: { f: { file: "low" }, g: { file: "low" } }, mode: 0o700 },
        e: { dir: { f: { file: "low" } } },
      },
    });
    writeTree(`${folder}/high`, { dir: { d: { dir: { f: { file: "high" } } } } });
    const trees = (["high", "low"] as const).map(
      (name): Item => ({ kind: "tree", source: `${folder}/${name}`, target: "/t" }),
    );
    assert.deepEqual(lines(await pack([link("/t/e", "d"), ...trees])), [
      "/t/ 755",
      "/t/e -> d",
      "/t/d/ 755",
      "/t/d/f = high",
      "/t/d/g = low",
    ]);
    // An implied directory takes the modes of the one that is there.
    assert.deepEqual(lines(await pack([implied("/t"), implied("/t/d"), file("/t/d/f", "mine"), trees[1]!])), [
      "/t/ 755",
      "/t/d/ 700",
      "/t/d/f = mine",
      "/t/d/g = low",
      "/t/e/ 755",
      "/t/e/f = low",
    ]);
  });

  it("have nothing in what is a file or a link", async () => {
    assert.deepEqual(lines(await pack([file("/a", "a"), file("/a/b/c", "c"), dir("/a/b", 0o755)])), [
      "/a = a",
    ]);
    assert.deepEqual(lines(await pack([file("/a/b/c", "c"), link("/a", "x"), dir("/a/b", 0o700)])), [
      "/a/b/ 700",
      "/a/b/c = c",
    ]);
    assert.deepEqual(lines(await pack([implied("/a"), link("/a", "x"), file("/a/b", "b")])), [
      "/a/ 755",
      "/a/b = b",
    ]);
  });

  it("are one for names that only are written otherwise", async () => {
    const items = [dir("/a//b/", 0o700), dir("/a/b", 0o755), file("/a/./b/c", "1"), file("/a/b/../b/c", "2")];
    assert.deepEqual(lines(await pack(items)), ["/a//b/ 700", "/a/./b/c = 1"]);
  });

  it("stay as they are where the recipe says so, as nixpkgs' script writes them", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/a`, { dir: { f: { file: "f" } } });
    const tree = { kind: "tree", source: `${folder}/a`, target: "/a" } as const;
    const once = ["/a/ 755", "/a/f = f"];
    assert.deepEqual(lines(await pack([tree, tree], { verbatim: true })), [...once, ...once]);
    assert.deepEqual(lines(await pack([tree, tree])), once);
  });
});

/** Few names, so that they meet. */
const name = fc.constantFrom("a", "b", "a-", "node_modules");
const place = fc.array(name, { minLength: 1, maxLength: 4 }).map((names) => `/${names.join("/")}`);
const { dir: treeDir } = fc.letrec<{ tree: Tree; dir: Tree }>((tie) => ({
  tree: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    fc.oneof(fc.record({ file: fc.constantFrom(0, 1, 700) }), fc.record({ link: name })),
    tie("dir"),
  ),
  dir: fc.record({
    dir: fc.dictionary(name, tie("tree"), { maxKeys: 3, noNullPrototype: true }),
    mode: fc.constantFrom(0o755, 0o700),
  }),
}));
const anyItem = fc.oneof(
  fc.record({
    tree: fc.oneof({ weight: 3, arbitrary: treeDir }, fc.constantFrom<Tree>({ file: "x" }, { link: "a" })),
    target: place,
    exclude: fc.array(
      place.map((path) => path.slice(1)),
      { maxLength: 2 },
    ),
  }),
  fc.record({ entry: fc.constantFrom(implied, implied, (path: string) => dir(path, 0o711)), name: place }),
  fc.record({
    entry: fc.constantFrom(
      (path: string) => link(path, "a"),
      (path: string) => file(path, "x"),
    ),
    name: place,
  }),
);

describe("every recipe", () => {
  it("gives a layer with no name twice, and directories before what is in them", async (t) => {
    const folder = await temporaryFolder(t);
    const check = async (made: readonly (typeof anyItem extends fc.Arbitrary<infer T> ? T : never)[]) => {
      const items = made.map((each, index): Item => {
        if ("entry" in each) return each.entry(each.name);
        const source = `${folder}/case/${index}`;
        writeTree(source, each.tree);
        return { kind: "tree", source, target: each.target, exclude: each.exclude };
      });
      const entries = (await pack(items)).map(({ entry }) => entry);
      const listed = listRecipe({ items } as unknown as LayerRecipe);
      const sources = listed.flatMap(({ names }, at) => {
        const { target } = items.filter((item) => item.kind === "tree")[at]!;
        return pathsOf(names).map((each) => (each === "" ? target : `${target}/${each}`));
      });
      const wanted = new Set([
        ...sources,
        ...items.flatMap((item) => (item.kind === "entry" ? [item.entry.name] : [])),
      ]);
      const before = new Map<string, TarEntry>();
      for (const entry of entries) {
        assert.ok(!before.has(entry.name), `${entry.name} is in it twice`);
        for (let at = entry.name.lastIndexOf("/"); at > 0; at = entry.name.lastIndexOf("/", at - 1)) {
          const above = entry.name.slice(0, at);
          const parent = before.get(above);
          assert.ok(
            parent === undefined || parent.type === EntryType.directory,
            `${entry.name} is in ${above}, which is no directory`,
          );
          const isLater = entries.some((each) => each.name === above) && parent === undefined;
          assert.ok(!isLater, `${above} comes after ${entry.name}`);
        }
        before.set(entry.name, entry);
      }
      // Nothing is lost but what is hidden by a file or link.
      for (const path of wanted) {
        const isHidden = [...before.values()].some(
          (entry) => entry.type !== EntryType.directory && path.startsWith(`${entry.name}/`),
        );
        const isAbove = entries.some((entry) => entry.name.startsWith(`${path}/`));
        assert.ok(before.has(path) || isHidden || isAbove, `${path} is lost`);
      }
    };
    await fc.assert(
      fc.asyncProperty(fc.array(anyItem, { maxLength: 6 }), async (made) => {
        mkdirSync(`${folder}/case`);
        await check(made).finally(() => rm(`${folder}/case`, { recursive: true }));
      }),
      { numRuns: 300 },
    );
  });
});
