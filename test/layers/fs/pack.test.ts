import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  mkdirSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { describe, it } from "node:test";
import { VarveError } from "#errors";
import { findChange, type LayerRecipe, listRecipe, packedSize, packLayer } from "#fs";
import { EntryType, RECORD_SIZE, readTar, type TarEntry } from "#tar";
import { CHUNK_SIZE } from "#util";
import { memoryInput } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

function recipeOf(source: string, changes: Partial<LayerRecipe> = {}): LayerRecipe {
  return {
    items: [{ kind: "tree", source, target: "/target" }],
    owner: { uid: 7, gid: 8, uname: "me", gname: "us" },
    mtime: 9,
    modes: "keep",
    components: [],
    ...changes,
  };
}

function pack(recipe: LayerRecipe): Buffer {
  return packListed(recipe, { listings: listRecipe(recipe) });
}

function packListed(recipe: LayerRecipe, options: Parameters<typeof packLayer>[1]): Buffer {
  return Buffer.concat([...copies(packLayer(recipe, options))]);
}

/** Chunks are copied as they come: their memory is used again. */
function* copies(chunks: Iterable<Uint8Array>): Generator<Buffer> {
  for (const chunk of chunks) {
    assert.ok(chunk.length <= CHUNK_SIZE);
    yield Buffer.from(chunk);
  }
}

async function contentsOf(layer: Buffer): Promise<Map<string, { entry: TarEntry; content: string }>> {
  const found = new Map<string, { entry: TarEntry; content: string }>();
  for await (const { entry, read } of readTar(memoryInput(layer), "the layer")) {
    found.set(entry.name, { entry, content: Buffer.from(await read(entry.size)).toString("latin1") });
  }
  return found;
}

describe("the size of a tree", () => {
  it("is what it takes in the archive, also where a name, a link or the owner needs more than a block", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    const short = "x".repeat(80);
    const names = Object.fromEntries(
      Array.from({ length: 30 }, (_, more) => [short + "y".repeat(more), { file: more * 100 }]),
    );
    const folders = Object.fromEntries(
      Array.from({ length: 30 }, (_, more) => [`d${short}${"y".repeat(more)}`, { dir: {} }]),
    );
    const others = { ü: { file: "u" }, link: { link: "x".repeat(101) }, deep: { dir: names } };
    writeTree(root, { dir: { ...names, ...folders, ...others } });
    const owners = [
      { uid: 0, gid: 0, uname: "root", gname: "root" },
      { uid: 8 ** 7, gid: 0, uname: "ü", gname: "root" },
    ];
    for (const owner of owners) {
      for (const target of ["/t", "/ü", `/${"t".repeat(99)}`, `/${"t".repeat(120)}`]) {
        const item = { kind: "tree", source: root, target } as const;
        const recipe = recipeOf(root, { items: [item], owner });
        const listings = listRecipe(recipe);
        const size = packedSize(recipe, { item, listing: listings[0]! });
        const archive = packListed(recipe, { listings });
        assert.ok(archive.subarray(size).every((byte) => byte === 0));
        assert.equal(archive.length, Math.ceil((size + 1024) / RECORD_SIZE) * RECORD_SIZE);
      }
    }
  });
});

describe("a layer", () => {
  it("holds its trees under their targets, with one owner and time", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    writeTree(root, {
      dir: {
        "caf\udce9": { file: "not UTF-8", mode: 0o6751 },
        dir: { dir: { file: { file: "deep" } }, mode: 0o1700 },
        fifo: { fifo: true },
        link: { link: "\udcff/x" },
        again: { hardLink: `${root}/caf\udce9` },
      },
    });
    const layer = await contentsOf(pack(recipeOf(root)));
    assert.deepEqual(
      [...layer.keys()],
      [
        "/target",
        "/target/again",
        "/target/caf\udce9",
        "/target/dir",
        "/target/dir/file",
        "/target/fifo",
        "/target/link",
      ],
    );
    for (const { entry } of layer.values()) {
      assert.deepEqual([entry.uid, entry.gid, entry.uname, entry.gname, entry.mtime], [7, 8, "me", "us", 9]);
    }
    const { entry, content } = layer.get("/target/caf\udce9")!;
    assert.deepEqual([entry.mode, content], [0o6751, "not UTF-8"]);
    assert.equal(layer.get("/target/again")!.entry.type, EntryType.file);
    assert.equal(layer.get("/target/again")!.content, "not UTF-8");
    assert.equal(layer.get("/target/dir")!.entry.mode, 0o1700);
    assert.equal(layer.get("/target/fifo")!.entry.type, EntryType.fifo);
    assert.equal(layer.get("/target/link")!.entry.linkname, "\udcff/x");
  });

  it("has entries and trees in the recipe's order", async (t) => {
    const folder = await temporaryFolder(t);
    for (const name of ["a", "b"]) writeTree(`${folder}/${name}`, { dir: { [name]: { file: name } } });
    const items: LayerRecipe["items"] = [
      { kind: "tree", source: `${folder}/b`, target: "/b" },
      { kind: "entry", entry: { name: "/between", type: EntryType.symlink, mode: 0o777, linkname: "/b" } },
      { kind: "tree", source: `${folder}/a`, target: "/z", exclude: ["a"] },
      { kind: "tree", source: `${folder}/a`, target: "/a" },
    ];
    const layer = await contentsOf(pack(recipeOf("", { items })));
    assert.deepEqual([...layer.keys()], ["/b", "/b/b", "/between", "/z", "/a", "/a/a"]);
    assert.equal(layer.get("/a/a")!.content, "a");
  });

  it("reduces modes to what the owner may execute when they are to be portable", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    const files = [0o400, 0o600, 0o644, 0o666, 0o755, 0o777, 0o4711, 0o655, 0o100];
    writeTree(root, {
      dir: {
        ...Object.fromEntries(files.map((mode) => [mode.toString(8), { file: "", mode }])),
        dir: { dir: {}, mode: 0o1700 },
        link: { link: "x" },
        fifo: { fifo: true, mode: 0o600 },
      },
      mode: 0o2775,
    });
    const layer = await contentsOf(pack(recipeOf(root, { modes: "portable" })));
    const mode = (name: string) => layer.get(`/target/${name}`)!.entry.mode;
    assert.equal(layer.get("/target")!.entry.mode, 0o755);
    for (const each of files) assert.equal(mode(each.toString(8)), (each & 0o100) === 0 ? 0o644 : 0o755);
    assert.deepEqual([mode("dir"), mode("link"), mode("fifo")], [0o755, 0o777, 0o644]);
  });

  it("is whole records long, and right where files end at a chunk's end and around it", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    // Two headers come before the first file's content.
    const first = CHUNK_SIZE - 1024;
    const sizes = [first, CHUNK_SIZE - 512, CHUNK_SIZE - 513, 1, 3 * CHUNK_SIZE + 1, 0, 511];
    const tree: Record<string, Tree> = Object.fromEntries(
      sizes.map((size, index) => [`${index}`, { file: size }]),
    );
    writeTree(root, { dir: tree });
    const bytes = pack(recipeOf(root));
    assert.equal(bytes.length % RECORD_SIZE, 0);
    const layer = await contentsOf(bytes);
    for (const [index, size] of sizes.entries()) {
      const expected = Buffer.alloc(size, "varve is a thin layer; ").toString("latin1");
      assert.ok(layer.get(`/target/${index}`)!.content === expected, `file ${index}`);
    }
  });

  it("may be packed side by side with others: each has its own memory", async (t) => {
    const folder = await temporaryFolder(t);
    const recipes = ["a", "b", "c"].map((name) => {
      writeTree(`${folder}/${name}`, { dir: { f: { file: name.repeat(3 * CHUNK_SIZE) } } });
      return recipeOf(`${folder}/${name}`);
    });
    const alone = recipes.map((recipe) => pack(recipe));
    const running = recipes.map((recipe) => packLayer(recipe, { listings: listRecipe(recipe) }));
    const parts: Uint8Array[][] = recipes.map(() => []);
    for (let open = true; open; ) {
      open = false;
      // Each chunk is taken only after the next one of every other layer was made.
      const chunks = running.map((chunk) => chunk.next());
      for (const [index, chunk] of chunks.entries()) {
        if (chunk.done === true) continue;
        parts[index]!.push(Buffer.from(chunk.value));
        open = true;
      }
    }
    for (const [index, bytes] of alone.entries()) assert.ok(Buffer.concat(parts[index]!).equals(bytes));
  });

  it("keeps each chunk as it is until the second next one is asked for", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    writeTree(root, { dir: { a: { file: 5 * CHUNK_SIZE + 7 } } });
    const recipe = recipeOf(root);
    let before: { chunk: Uint8Array; copy: Buffer } | undefined;
    for (const chunk of packLayer(recipe, { listings: listRecipe(recipe) })) {
      if (before !== undefined) assert.ok(before.copy.equals(before.chunk));
      before = { chunk, copy: Buffer.from(chunk) };
    }
  });
});

describe("a file that isn't what it was when it was listed", () => {
  const changes: Record<string, (path: string) => void> = {
    grew: (path) => appendFileSync(path, "x"),
    shrank: (path) => truncateSync(path, 10),
    "became empty": (path) => truncateSync(path, 0),
    "became a link to its like": (path) => {
      renameSync(path, `${path}.moved`);
      symlinkSync(`${path}.moved`, path);
    },
    "became a fifo": (path) => {
      rmSync(path);
      execFileSync("mkfifo", [path]);
    },
    "became a folder": (path) => {
      rmSync(path);
      mkdirSync(path);
    },
  };
  for (const [what, change] of Object.entries(changes)) {
    it(`and ${what} fails by name with CHANGED_WHILE_READING`, async (t) => {
      const root = `${await temporaryFolder(t)}/root`;
      // A folder has a size of its own, which must not be taken for the file's.
      writeTree(root, { dir: { a: { file: 4096 }, b: { file: 4096 } } });
      const recipe = recipeOf(root);
      const listings = listRecipe(recipe);
      change(`${root}/b`);
      assert.throws(
        () => packListed(recipe, { listings }),
        (error) => {
          assert.ok(error instanceof VarveError);
          assert.equal(error.code, "CHANGED_WHILE_READING");
          assert.ok(
            error.message.startsWith(`${root}/b changed while the image was being built; `),
            error.message,
          );
          return true;
        },
      );
    });
  }

  it("and is gone fails by name with NOT_FOUND", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    writeTree(root, { dir: { a: { file: 5 } } });
    const recipe = recipeOf(root);
    const listings = listRecipe(recipe);
    rmSync(`${root}/a`);
    assert.throws(() => packListed(recipe, { listings }), {
      code: "NOT_FOUND",
      message: `cannot read ${root}/a: it does not exist`,
    });
  });

  it("and shrinks while it is read fails by name with CHANGED_WHILE_READING", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    writeTree(root, { dir: { a: { file: 4 * CHUNK_SIZE } } });
    const recipe = recipeOf(root);
    const chunks = packLayer(recipe, { listings: listRecipe(recipe) });
    chunks.next();
    truncateSync(`${root}/a`, CHUNK_SIZE);
    assert.throws(() => [...chunks], {
      code: "CHANGED_WHILE_READING",
      message: new RegExp(`^${root}/a changed`),
    });
  });

  it("and only has another time is found by looking again", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    writeTree(root, { dir: { a: { file: 5 }, b: { file: 5 }, c: { file: 0 } } });
    const recipe = recipeOf(root);
    const listings = listRecipe(recipe);
    assert.equal(findChange(recipe, listings), undefined);
    utimesSync(`${root}/b`, 1, 1);
    assert.equal(findChange(recipe, listings), `${root}/b`);
  });

  it("closes every file, however packing ends", async (t) => {
    const root = `${await temporaryFolder(t)}/root`;
    writeTree(root, { dir: { a: { file: 3 * CHUNK_SIZE }, b: { file: 5 } } });
    const recipe = recipeOf(root);
    const listings = listRecipe(recipe);
    const openFiles = () =>
      execFileSync("sh", ["-c", `ls -l /proc/${process.pid}/fd | grep -c ${root} || true`])
        .toString()
        .trim();
    const chunks = packLayer(recipe, { listings });
    chunks.next();
    assert.equal(openFiles(), "1");
    chunks.return();
    assert.equal(openFiles(), "0");
    writeFileSync(`${root}/b`, "longer");
    assert.throws(() => packListed(recipe, { listings }), { code: "CHANGED_WHILE_READING" });
    assert.equal(openFiles(), "0");
  });
});
