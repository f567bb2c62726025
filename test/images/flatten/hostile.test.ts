import assert from "node:assert/strict";
import { createWriteStream } from "node:fs";
import { chmod, chown, lstat, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { describe, it, type TestContext } from "node:test";
import { flattenedTree, flattenImage } from "#flatten";
import type { Layer } from "#image";
import { type MadeEntry, madeImage } from "#testing";
import { mustRun, run } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";

type Entries = readonly (readonly [string, string | MadeEntry])[];

/** An image that is made to write outside its root, or to confuse; and what becomes of it. */
interface Hostile {
  /** Entries of each layer; names may come twice. `OUT` stands for the path of the folder beside the root. */
  readonly layers: readonly Entries[];
  /** The refusal; or what is at which path, in a tree that is harmless. */
  readonly refused?: RegExp;
  readonly tree?: Readonly<Record<string, string>>;
}

const dir: MadeEntry = { dir: true };
const link = (target: string): MadeEntry => ({ link: target });
const hardLink = (target: string): MadeEntry => ({ link: target, type: "1" });
const device: MadeEntry = { type: "3", devmajor: 1, devminor: 3 };

const CORPUS: Readonly<Record<string, Hostile>> = {
  "a name with ..": { layers: [[["../outside/x", "evil"]]], refused: /leaves the root/ },
  "an absolute name with ..": { layers: [[["/../outside/x", "evil"]]], refused: /leaves the root/ },
  "a name that goes down and further up": {
    layers: [[["a/b/../../../outside/x", "evil"]]],
    refused: /leaves the root/,
  },
  "a name that is ..": { layers: [[["..", dir]]], refused: /leaves the root/ },
  "an absolute name": {
    layers: [[["OUT/x", "kept"]]],
    tree: { "OUT/x": "file" },
  },
  "names with dots and slashes": {
    layers: [
      [
        [".///a//./b", "kept"],
        ["a/c/../d", "kept"],
      ],
    ],
    tree: { "a/b": "file", "a/d": "file" },
  },
  "a root that is a symbolic link": { layers: [[["./", link("OUT")]]], refused: /is the root/ },
  "a root that is a whiteout": { layers: [[[".wh..", ""]]], refused: /names nothing/ },
  "a link out of the root, and a file behind it": {
    layers: [
      [
        ["esc", link("../outside")],
        ["esc/x", "evil"],
      ],
    ],
    tree: { esc: "symlink", "outside/x": "file" },
  },
  "an absolute link, and a file behind it": {
    layers: [
      [
        ["esc", link("OUT")],
        ["esc/x", "evil"],
      ],
    ],
    tree: { esc: "symlink", "OUT/x": "file" },
  },
  "a link of a lower layer, and a file behind it": {
    layers: [[["esc", link("OUT")]], [["esc/x", "evil"]]],
    tree: { esc: "directory", "esc/x": "file" },
  },
  "a directory's link, replaced by a link, with a file behind it": {
    layers: [
      [
        ["a", dir],
        ["a/b", dir],
        ["a/b", link("../../outside")],
        ["a/b/x", "evil"],
      ],
    ],
    tree: { "a/b": "symlink", "outside/x": "file" },
  },
  "a chain of links out of the root": {
    layers: [
      [
        ["a", link("b")],
        ["b", link("c/../..")],
        ["c", link("OUT")],
        ["a/outside/x", "evil"],
      ],
    ],
    tree: { a: "symlink", b: "symlink", c: "symlink" },
  },
  "links that lead to each other": {
    layers: [
      [
        ["a", link("b")],
        ["b", link("a")],
        ["a/x", "evil"],
      ],
    ],
    refused: /more symbolic links/,
  },
  "a file over a link": {
    layers: [
      [
        ["esc", link("OUT/sentinel")],
        ["esc", "kept"],
      ],
    ],
    tree: { esc: "file" },
  },
  "a file over a lower layer's link": {
    layers: [[["esc", link("OUT/sentinel")]], [["esc", "kept"]]],
    tree: { esc: "file" },
  },
  "a hard link out of the root": {
    layers: [[["x", hardLink("../outside/sentinel")]]],
    refused: /leaves the root/,
  },
  "a hard link to an absolute path": { layers: [[["x", hardLink("OUT/sentinel")]]], refused: /isn't there/ },
  "a hard link through a link": {
    layers: [
      [
        ["esc", link("OUT")],
        ["x", hardLink("esc/sentinel")],
      ],
    ],
    refused: /isn't there/,
  },
  "a hard link to a link, and a file over it": {
    layers: [
      [
        ["esc", link("OUT/sentinel")],
        ["x", hardLink("esc")],
        ["x", "kept"],
      ],
    ],
    tree: { esc: "symlink", x: "file" },
  },
  "a hard link to another entry's link, and a file behind it": {
    layers: [
      [
        ["esc", link("../outside")],
        ["x", hardLink("esc")],
        ["x/y", "evil"],
      ],
    ],
    tree: { esc: "symlink", x: "symlink", "outside/y": "file" },
  },
  "a hard link to nothing": { layers: [[["x", hardLink("y")]]], refused: /isn't there/ },
  "a hard link to itself": { layers: [[["x", hardLink("x")]]], refused: /isn't there/ },
  "a hard link to a directory": {
    layers: [
      [
        ["d", dir],
        ["x", hardLink("d")],
      ],
    ],
    refused: /a directory/,
  },
  "a hard link to what a whiteout took away": {
    layers: [
      [["x", "1"]],
      [
        [".wh.x", ""],
        ["y", hardLink("x")],
      ],
    ],
    refused: /isn't there/,
  },
  "a whiteout of the parent folder": { layers: [[["a/.wh...", ""]]], refused: /names nothing/ },
  "a whiteout out of the root": { layers: [[["../outside/.wh.sentinel", ""]]], refused: /leaves the root/ },
  "a whiteout behind a link": {
    layers: [
      [
        ["esc", link("../outside")],
        ["esc/.wh.sentinel", ""],
      ],
    ],
    tree: { esc: "symlink", outside: "directory" },
  },
  "a whiteout behind a lower layer's link": {
    layers: [[["esc", link("OUT")]], [["esc/.wh.sentinel", ""]]],
    tree: { esc: "directory" },
  },
  "an opaque folder behind a link": {
    layers: [
      [
        ["esc", link("OUT")],
        ["esc/.wh..wh..opq", ""],
      ],
    ],
    tree: { esc: "symlink", OUT: "directory" },
  },
  "an opaque folder out of the root": { layers: [[["../.wh..wh..opq", ""]]], refused: /leaves the root/ },
  "a folder with a whiteout's name": { layers: [[[".wh.a/x", "evil"]]], refused: /a whiteout's name/ },
  "an entry below a file": {
    layers: [
      [
        ["a", "1"],
        ["a/b", "2"],
      ],
    ],
    refused: /not a directory/,
  },
  "an entry below a device": {
    layers: [
      [
        ["a", device],
        ["a/b", "2"],
      ],
    ],
    refused: /not a directory/,
  },
  "a name with a NUL": {
    layers: [[["x", { content: "1", pax: new Map([["path", "a\0/../../outside/x"]]) }]]],
    refused: /malformed pax record/,
  },
  "a link whose target has a NUL": {
    layers: [[["x", { link: "a", pax: new Map([["linkpath", "a\0b"]]) }]]],
    refused: /malformed pax record/,
  },
  "a long name with .. in a pax record": {
    layers: [[["x", { content: "1", pax: new Map([["path", `${"d/".repeat(60)}${"../".repeat(62)}x`]]) }]]],
    refused: /leaves the root/,
  },
  "a name with escapes and line ends": {
    layers: [[["a\n\u001b[31m\\n", "kept"]]],
    tree: { "a\n\u001b[31m\\n": "file" },
  },
  "a device": { layers: [[["null", device]]], tree: { null: "other" } },
  "a directory that nobody may enter, with a file in it": {
    layers: [
      [
        ["d", { dir: true, mode: 0 }],
        ["e", "1"],
      ],
      [["d/x", "kept"]],
    ],
    tree: { "d/x": "file" },
  },
};

const isRoot = process.getuid?.() === 0;
const NOBODY = 65534;

describe("a hostile image", () => {
  for (const [name, { layers, refused, tree: expected }] of Object.entries(CORPUS)) {
    it(`with ${name} ${refused === undefined ? "stays in its root" : "is refused"}`, async (t) => {
      const place = await hostilePlace(t);
      const image = await imageOf(layers, place.outside);
      if (refused !== undefined) {
        await assert.rejects(flattenedTree(image), (error: Error & { code?: string }) => {
          assert.match(error.code ?? "", /^INVALID_(IMAGE|TAR)$/);
          assert.match(error.message, /^layer \d+ \(sha256:/);
          assert.match(error.message, refused);
          return true;
        });
        return;
      }
      const tree = await flattenedTree(image);
      const inside = (path: string) => path.replace("OUT", place.outside.slice(1));
      for (const [path, type] of Object.entries(expected ?? {})) {
        assert.equal(tree.get(inside(path))?.type, type, path);
      }
      for (const [path] of tree.entries()) {
        assert.doesNotMatch(path, /^\/|\/\/|(^|\/)\.{1,2}(\/|$)|\0/);
      }
      const archive = join(place.folder, "root.tar");
      await pipeline(Readable.from(flattenImage(image)), createWriteStream(archive));
      for (const user of isRoot ? [0, NOBODY] : [undefined]) {
        const root = join(place.folder, `root-${user}`);
        await mkdir(root);
        if (user !== undefined) await chown(root, user, user);
        const unpack = ["tar", "--extract", "--file", archive, "--directory", root] as const;
        const { code, stderr } = await run(user ? asUser(user, unpack) : unpack);
        // Only a device may not be made: by a user, nor in many a container.
        if (layers.flat().every(([, entry]) => entry !== device)) assert.equal(code, 0, stderr);
        await place.check();
        const found = await filesBelow(root);
        for (const [path, { kind }] of tree.entries()) {
          if (path !== "" && !kind.endsWith("device")) assert.ok(found.has(path), `${path} is unpacked`);
        }
      }
    });
  }
});

function asUser(id: number, command: readonly string[]): [string, ...string[]] {
  return ["setpriv", `--reuid=${id}`, `--regid=${id}`, "--clear-groups", "--", ...command];
}

/** A folder beside the one that is unpacked into, and a check that nothing in it changed. */
async function hostilePlace(t: TestContext) {
  const folder = await temporaryFolder(t);
  const outside = join(folder, "outside");
  await mkdir(outside);
  const sentinel = join(outside, "sentinel");
  await writeFile(sentinel, "untouched");
  // Whoever unpacks could write here.
  await chmod(folder, 0o777);
  await chmod(outside, 0o777);
  await chmod(sentinel, 0o666);
  const check = async () => {
    assert.deepEqual(await readdir(outside), ["sentinel"]);
    assert.equal(await readFile(sentinel, "utf8"), "untouched");
    assert.equal((await lstat(sentinel)).nlink, 1);
    const others = (await readdir(folder)).filter((name) => !/^(root-.*|root\.tar|outside)$/.test(name));
    assert.deepEqual(others, []);
  };
  return { folder, outside, check };
}

async function imageOf(layers: readonly Entries[], outside: string): Promise<readonly Layer[]> {
  const real = (text: string) => text.replace("OUT", outside);
  const image = await madeImage(
    layers.map((entries) => ({
      gzip: 1,
      entries: {},
      more: entries.map(([name, entry]) => {
        if (typeof entry === "string" || entry.link === undefined) return [real(name), entry] as const;
        return [real(name), { ...entry, link: real(entry.link) }] as const;
      }),
    })),
  );
  return image.layers;
}

/** All that is below a folder, looked at with the rights of this process, without following links. */
async function filesBelow(root: string): Promise<Set<string>> {
  const listed = await mustRun(["find", root, "-mindepth", "1", "-printf", "%P\\0"]);
  return new Set(listed.split("\0"));
}
