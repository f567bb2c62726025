import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type EntryItem, type LayerRecipe, listRecipe, type PermissionRule, packLayer } from "#fs";
import { encodeCapabilities } from "#root";
import { EntryType } from "#tar";
import { CHUNK_SIZE, encodeName } from "#util";
import { recipeKey } from "../../../src/layers/measure/layer-key.ts";
import { python } from "../../support/python.ts";
import { members } from "../../support/tar.ts";
import { pythonEntries } from "../../support/tar-oracle.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

const CAPABILITY = "SCHILY.xattr.security.capability";

const file = (name: string, content: string, fields: Partial<EntryItem["entry"]> = {}): EntryItem => ({
  kind: "entry",
  entry: { name, type: EntryType.file, mode: 0o644, ...fields },
  content: Buffer.from(content),
});

function recipeOf(items: LayerRecipe["items"], permissions?: readonly PermissionRule[]): LayerRecipe {
  const owner = { uid: 0, gid: 0, uname: "root", gname: "root" };
  return { items, owner, mtime: 9, modes: "keep", components: [], ...(permissions && { permissions }) };
}

function pack(recipe: LayerRecipe): Buffer {
  const chunks = [...packLayer(recipe, { listings: listRecipe(recipe) })];
  return Buffer.concat(chunks);
}

/** Packs with a copy of each chunk, for what is larger than two. */
function packLarge(recipe: LayerRecipe): Buffer {
  const copies: Buffer[] = [];
  for (const chunk of packLayer(recipe, { listings: listRecipe(recipe) })) copies.push(Buffer.from(chunk));
  return Buffer.concat(copies);
}

describe("an entry of its own", () => {
  it("has content, and what it says in place of the recipe", async () => {
    const pax = new Map([["comment", "x"]]);
    const own = { uid: 5, gid: 6, uname: "five", gname: "six", mtime: 7, pax };
    const layer = pack(
      recipeOf([file("/a", "content", own), file("/b", ""), file("/c", "more", { uid: 5 })]),
    );
    const [a, b, c] = await members(layer);
    assert.deepEqual(
      { ...a!.entry, pax: [...a!.entry.pax!] },
      {
        ...{ name: "/a", type: "0", mode: 0o644, linkname: "", devmajor: 0, devminor: 0 },
        ...{ ...own, pax: [...pax] },
        size: 7,
      },
    );
    assert.equal(layer.toString("latin1", a!.offset, a!.offset + 7), "content");
    assert.deepEqual([b!.entry.size, b!.entry.uid, b!.entry.uname, b!.entry.mtime], [0, 0, "root", 9]);
    // Another's name would count more than the number.
    assert.deepEqual([c!.entry.uid, c!.entry.uname, c!.entry.gname], [5, "", "root"]);
    assert.equal(layer.toString("latin1", c!.offset, c!.offset + 4), "more");
  });

  it("may be a device", async () => {
    const entry = {
      name: "/dev/null",
      type: EntryType.characterDevice,
      mode: 0o666,
      devmajor: 1,
      devminor: 3,
    };
    const [device] = await members(pack(recipeOf([{ kind: "entry", entry }])));
    assert.deepEqual([device!.entry.type, device!.entry.devmajor, device!.entry.devminor], ["3", 1, 3]);
  });

  it("may be larger than a chunk, and end with one", async () => {
    const contents = [CHUNK_SIZE - 512, 2 * CHUNK_SIZE + 1, 3].map((size, n) => `${n}`.repeat(size));
    const layer = packLarge(recipeOf(contents.map((content, n) => file(`/${n}`, content))));
    for (const [n, { entry, offset }] of (await members(layer)).entries()) {
      assert.ok(layer.toString("latin1", offset, offset + entry.size) === contents[n], `file ${n}`);
    }
  });
});

describe("permissions", () => {
  it("change what matches, in trees, too; the last rule for a field wins", async (t) => {
    const source = `${await temporaryFolder(t)}/tree`;
    writeTree(source, { dir: { a: { file: "a" }, b: { dir: { c: { file: "c" } } }, l: { link: "a" } } });
    const layer = pack(
      recipeOf(
        [{ kind: "tree", source, target: "/t" }, file("/x", "x")],
        [
          { path: /^\/t\//, uid: 1000, mode: 0o4711 },
          { path: /\/c$/, gid: 7, mode: 0o600, mtime: 5 },
          { path: /^\/x$/, uid: 0, gid: 0 },
        ],
      ),
    );
    const found = (await members(layer)).map(
      ({ entry: { name, mode, uid, gid, uname, gname, mtime } }) =>
        `${name} ${mode.toString(8)} ${uid}(${uname}):${gid}(${gname}) ${mtime}`,
    );
    assert.deepEqual(found, [
      "/t 755 0(root):0(root) 9",
      "/t/a 4711 1000():0(root) 9",
      "/t/b 4711 1000():0(root) 9",
      "/t/b/c 600 1000():7() 5",
      "/t/l 777 1000():0(root) 9",
      "/x 644 0(root):0(root) 9",
    ]);
  });

  it("give capabilities to files and to nothing else, byte for byte", { skip: python === undefined }, () => {
    for (const text of ["cap_net_raw+ep", "cap_setuid,cap_setgid=ep", "all=ep", "cap_fowner,cap_setuid+p"]) {
      const capabilities = encodeCapabilities(text);
      const directory: EntryItem = {
        kind: "entry",
        entry: { name: "/d", type: EntryType.directory, mode: 0o755 },
      };
      const layer = pack(recipeOf([directory, file("/d/ping", "x")], [{ path: /^/, capabilities }]));
      const [entries] = pythonEntries([layer]);
      const [d, ping] = entries!;
      assert.deepEqual(d!.pax, []);
      const value = ping!.pax.find(([key]) => key === CAPABILITY)![1];
      // Whatever charset Python took the record for, the archive has these very bytes.
      assert.ok(
        layer.includes(
          Buffer.concat([Buffer.from(`${CAPABILITY}=`), encodeName(capabilities), Buffer.from("\n")]),
        ),
        text,
      );
      assert.ok(value.length > 0);
    }
  });

  it("are what GNU tar sees", async (t) => {
    const folder = await temporaryFolder(t);
    const capabilities = encodeCapabilities("cap_setuid,cap_net_raw+ep");
    const layer = pack(
      recipeOf(
        [file("bin/ping", "x"), file("home/jane/f", "y", { uid: 12, gid: 13 })],
        [
          { path: /^bin\/ping$/, mode: 0o755, capabilities },
          { path: /jane/, uid: 1000, mtime: 86400 },
        ],
      ),
    );
    writeFileSync(`${folder}/layer.tar`, layer);
    const options = ["--numeric-owner", "--utc", "--full-time", "--xattrs", "--xattrs-include=*"];
    const listing = execFileSync("tar", [...options, "-tvvf", `${folder}/layer.tar`], {
      env: { ...process.env, LC_ALL: "C" },
    });
    const [ping, jane] = listing.toString().split("\n");
    assert.match(ping!, /^-rwxr-xr-x\* 0\/0 +1 1970-01-01 00:00:09 bin\/ping$/);
    assert.match(jane!, /^-rw-r--r-- +1000\/13 +1 1970-01-02 00:00:00 home\/jane\/f$/);
  });

  it("give capabilities that the kernel takes", { skip: notRoot() }, async (t) => {
    const folder = await temporaryFolder(t);
    const cases = [
      "cap_net_raw=ep",
      "cap_setgid,cap_setuid=ep",
      "cap_net_bind_service,cap_bpf=eip",
      "cap_wake_alarm=p",
    ];
    const items = cases.map((_, n) => file(`f${n}`, "x"));
    const rules = cases.map((text, n) => ({
      path: new RegExp(`^f${n}$`),
      capabilities: encodeCapabilities(text),
    }));
    writeFileSync(`${folder}/layer.tar`, pack(recipeOf(items, rules)));
    execFileSync("tar", ["--xattrs", "--xattrs-include=*", "-xf", `${folder}/layer.tar`, "-C", folder]);
    for (const [n, text] of cases.entries()) {
      assert.equal(execFileSync("getcap", [`${folder}/f${n}`]).toString(), `${folder}/f${n} ${text}\n`);
    }
  });
});

function notRoot(): false | string {
  if (process.getuid?.() !== 0) return "only root may give capabilities";
  return spawnSync("getcap", ["-h"]).error === undefined ? false : "getcap is not installed here";
}

describe("a layer's key", () => {
  it("follows from all that shapes its entries", () => {
    const rule = { path: /^\/a$/, mode: 0o600 };
    const recipes = [
      recipeOf([file("/a", "x")]),
      recipeOf([file("/a", "y")]),
      recipeOf([file("/a", "")]),
      recipeOf([file("/a", "x", { uid: 1 })]),
      recipeOf([file("/a", "x", { mtime: 1 })]),
      recipeOf([file("/a", "x", { pax: new Map([["a", "b"]]) })]),
      recipeOf([file("/a", "x", { pax: new Map([["a", "\udc80"]]) })]),
      recipeOf([file("/a", "x")], [rule]),
      recipeOf([file("/a", "x")], [{ ...rule, path: /^\/b$/ }]),
      recipeOf([file("/a", "x")], [{ ...rule, path: /^\/a$/i }]),
      recipeOf([file("/a", "x")], [{ ...rule, mode: 0o644 }]),
      recipeOf([file("/a", "x")], [{ ...rule, uid: 1 }]),
      recipeOf([file("/a", "x")], [{ ...rule, capabilities: "\udc80" }]),
      recipeOf([file("/a", "x")], [{ ...rule, capabilities: "\udc81" }]),
      recipeOf([file("/a", "x")], [rule, { ...rule, mode: 0 }]),
      recipeOf([file("/a", "x")], [{ ...rule, mode: 0 }, rule]),
      // Which of two items counts can depend on these.
      recipeOf([{ ...file("/a", "x"), implied: true }]),
      { ...recipeOf([file("/a", "x")]), verbatim: true },
    ];
    assert.equal(new Set(recipes.map((recipe) => recipeKey(recipe))).size, recipes.length);
    // What a thread gets is as good.
    for (const recipe of recipes) assert.equal(recipeKey(structuredClone(recipe)), recipeKey(recipe));
    // No rules change nothing.
    assert.equal(recipeKey(recipeOf([file("/a", "x")], [])), recipeKey(recipes[0]!));
  });
});
