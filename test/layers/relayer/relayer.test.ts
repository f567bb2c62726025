import assert from "node:assert/strict";
import { describe, it } from "node:test";
import fc from "fast-check";
import { flattenedTree } from "#flatten";
import { popularity } from "#layering";
import type { MadeEntry } from "#testing";
import { differences, type Entries, imageOf, namesIn, relayer } from "./support.ts";

const dir: MadeEntry = { dir: true };
const hardLink = (link: string): MadeEntry => ({ link, type: "1" });

/** Two Debian packages, a Node project with a package, and what lies around. */
const DEBIAN: Entries = {
  lib: { link: "usr/lib" },
  "usr/lib/liba.so": "liba",
  "usr/lib/libb.so": "libb",
  "usr/share/doc/a": "doc",
  "var/lib/dpkg/status":
    "Package: a\nStatus: install ok installed\nVersion: 1.0\nArchitecture: amd64\n\nPackage: b\nVersion: 2:3-1\nArchitecture: all\n",
  "var/lib/dpkg/info/a.list": "/.\n/lib\n/lib/liba.so\n/usr/share/doc/a\n/gone\n",
  "var/lib/dpkg/info/b:amd64.list": "/usr/lib/libb.so\n",
  "app/node_modules/x/package.json": '{"name":"x","version":"1.2.3"}',
  "app/node_modules/x/index.js": "x",
  "app/node_modules/.bin/x": { link: "../x/index.js" },
  "app/node_modules/.package-lock.json": "{}",
  "app/server.js": "server",
};

describe("an image that is split anew", () => {
  it("has a root that is the same, in layers by packages, folders, and what all updates change", async () => {
    const image = await imageOf([
      DEBIAN,
      { "app/server.js": "newer", ".wh.usr": "", "usr/lib/libb.so": "b" },
    ]);
    const split = await relayer(image, { maxLayers: 20 });
    assert.deepEqual(await differences(image, split), []);
    assert.deepEqual(split.groups.flat().sort(), [
      ...["app/", "app/node_modules/x", "dpkg:b:amd64", "upkeep"],
    ]);
    assert.deepEqual(split.groups.at(-1), ["upkeep"]);
  });

  it("knows packages by what their databases say, behind links, too", async () => {
    const split = await relayer(await imageOf([DEBIAN]));
    assert.deepEqual(split.groups.flat().sort(), [
      ...["app/", "app/node_modules/x", "dpkg:a", "dpkg:b:amd64", "upkeep"],
    ]);
    const of = async (id: string) => {
      const at = split.groups.findIndex((ids) => ids.includes(id));
      return await namesIn(split.layers[at]!);
    };
    const all = await of("dpkg:a");
    assert.ok(["usr/", "usr/lib/", "usr/lib/liba.so", "usr/share/doc/a"].every((name) => all.includes(name)));
    assert.ok(!all.includes("var/lib/dpkg/status"));
    const top = await of("upkeep");
    assert.ok(
      ["lib", "var/lib/dpkg/status", "app/node_modules/.bin/x", "app/"].every((name) => top.includes(name)),
    );
  });

  it("is the same however it was split before", async () => {
    const names = Object.keys(DEBIAN);
    const entries = Object.entries(DEBIAN);
    const whole = await relayer(await imageOf([DEBIAN]));
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.nat(2), { minLength: names.length, maxLength: names.length }),
        async (places) => {
          // Whatever stays below the link has to be in the layer above it.
          const layers = [0, 1, 2].map((layer) =>
            Object.fromEntries(entries.filter((_, at) => places[at] === layer)),
          );
          const split = await relayer(await imageOf(layers));
          assert.deepEqual(
            split.layers.map(({ diffId }) => diffId),
            whole.layers.map(({ diffId }) => diffId),
          );
        },
      ),
      { numRuns: 30 },
    );
  });

  it("has layers that stay when something else is installed, though folders get new times", async () => {
    const at = (time: number): Entries => ({
      usr: { ...dir, mtime: time },
      "usr/lib": { ...dir, mtime: time },
      ...DEBIAN,
      "usr/lib/liba.so": "a".repeat(100_000),
      "usr/lib/libb.so": "b".repeat(200_000),
    });
    const before = await relayer(await imageOf([at(5)]), { strategy: popularity });
    const now = await relayer(
      await imageOf([
        {
          ...at(9),
          "usr/lib/libc.so": "c".repeat(300_000),
          "var/lib/dpkg/info/c.list": "/usr/lib/libc.so\n",
          "var/lib/dpkg/status": `${DEBIAN["var/lib/dpkg/status"]}\nPackage: c\nVersion: 1\n`,
        },
      ]),
      { strategy: popularity },
    );
    const layersOf = ({ groups, layers }: typeof now) =>
      new Map(groups.map((ids, at) => [ids.join(), layers[at]!.diffId]));
    const [old, found] = [layersOf(before), layersOf(now)];
    const same = [...found].filter(([ids, diffId]) => old.get(ids) === diffId).map(([ids]) => ids);
    assert.deepEqual(same.sort(), ["app/", "app/node_modules/x", "dpkg:a", "dpkg:b:amd64"]);
    assert.deepEqual([...found.keys()].filter((ids) => !same.includes(ids)).sort(), ["dpkg:c", "upkeep"]);
  });

  it("keeps all names of a file in one layer, whatever packages claim them", async () => {
    const image = await imageOf([
      {
        "usr/a": "content",
        "usr/b": hardLink("usr/a"),
        "opt/c": hardLink("usr/b"),
        "var/lib/dpkg/info/a.list": "/usr/a\n",
        "var/lib/dpkg/info/b.list": "/usr/b\n",
      },
    ]);
    const split = await relayer(image);
    assert.deepEqual(await differences(image, split), []);
    assert.deepEqual(split.groups.flat().sort(), ["dpkg:a", "upkeep"]);
  });

  it("stays the same whatever databases claim, and however damaged they are", async () => {
    const lies: readonly Entries[] = [
      { "var/lib/dpkg/info/a.list": "/../../etc/shadow\n../a\n/a/../../b\n" },
      { "var/lib/dpkg/info/a.list": "/d\n/d/\n/\n.\n\n" },
      { "var/lib/dpkg/info/a.list": { content: Buffer.from([0xff, 0, 0x0a, 0x2f, 0x61, 0x0a]) } },
      { "var/lib/dpkg/info/.list": "/a\n", "var/lib/dpkg/status": { link: "/etc/passwd" } },
      { "var/lib/dpkg/info/a.list": "/loop/a\n/loop\n", loop: { link: "loop" } },
      { "var/lib/dpkg/status": dir, "var/lib/dpkg/info/a.list": dir },
      { "lib/apk/db/installed": "P:x\nF:../..\nR:a\nF:d\nR:\nR:../a\n\nP:\n\nV:1" },
      { "d/x-1.dist-info/RECORD": '"unclosed\n../a,,\n../../../a,,\n/a,,\n"a""b",,' },
      { "d/.dist-info/RECORD": "a,,", "d/-.dist-info/RECORD": "a,," },
      { "node_modules/x/package.json": `${"[".repeat(100_000)}` },
      { "node_modules/x/package.json": '{"version":{"a":1},"repository":[{}]}' },
      { "node_modules/__proto__/package.json": '{"version":"1"}' },
      { "node_modules/package.json": "{}", "node_modules/@a/package.json": "{}" },
      { "var/lib/dpkg/status.d/a": "Package", "var/lib/dpkg/status.d/a.md5sums": "short\n" },
    ];
    for (const lie of lies) {
      const image = await imageOf([{ a: "1", "d/a": "2", "node_modules/x/a": "3", ...lie }]);
      assert.deepEqual(await differences(image, await relayer(image)), [], JSON.stringify(lie));
    }
  });

  it("has the config that it had, with a history of the new layers, and a layout to keep to", async () => {
    const image = await imageOf([DEBIAN, { new: "1" }]);
    const split = await relayer(image);
    const { rootfs, history, ...others } = split.config.value;
    const { rootfs: _, history: __, ...before } = image.config.value;
    assert.deepEqual(others, before);
    assert.deepEqual(
      rootfs.diff_ids,
      split.layers.map(({ diffId }) => diffId),
    );
    assert.equal(history?.length, split.layers.length);
    assert.match(split.annotations["dev.varve.layout"]!, /^\{"version":2/);
  });

  it("has one layer, if there is room for one, or nothing in it", async () => {
    const image = await imageOf([{ ".wh.a": "" }]);
    const split = await relayer(image);
    assert.equal(split.layers.length, 1);
    assert.deepEqual(await differences(image, split), []);
    const one = await imageOf([DEBIAN]);
    const base = await imageOf([{ a: "1" }]);
    const onBase = await imageOf([{ a: "1" }, DEBIAN]);
    const packed = await relayer(onBase, { base: { image: base, name: "base" }, maxLayers: 2 });
    assert.equal(packed.layers.length, 2);
    assert.deepEqual(await differences(onBase, packed), []);
    assert.equal((await relayer(one, { maxLayers: 2 })).layers.length, 2);
  });

  it("is refused where it takes more room than it may", async () => {
    const image = await imageOf([{ a: "a".repeat(2000) }, { b: "b" }]);
    await assert.rejects(relayer(image, { maxSpool: 1999 }), { code: "TOO_LARGE", message: /--max-spool/ });
    await relayer(image, { maxSpool: 2001 });
  });

  it("is the same file by file for all layers", async () => {
    await fc.assert(
      fc.asyncProperty(randomLayers, async (layers) => {
        const image = await imageOf(layers);
        if (!(await isSound(image))) return;
        const split = await relayer(image, { maxLayers: 8 });
        assert.deepEqual(await differences(image, split), []);
        const again = await relayer({ ...image, layers: split.layers }, { maxLayers: 8 });
        assert.deepEqual(
          again.layers.map(({ diffId }) => diffId),
          split.layers.map(({ diffId }) => diffId),
        );
      }),
      { numRuns: 200 },
    );
  });
});

describe("an image that is split on a base", () => {
  it("keeps the base's layers, and has only what differs from them, with what is removed", async () => {
    const layers: readonly Entries[] = [
      { "a/1": "1", "a/2": "2", "b/c/d": "d", e: "e" },
      { "a/3": "3", "a/.wh.2": "", ".wh.b": "", e: dir },
    ];
    const image = await imageOf(layers);
    const base = await imageOf(layers.slice(0, 1));
    const split = await relayer(image, { base: { image: base, name: "base" } });
    assert.equal(split.layers[0]!.diffId, base.layers[0]!.diffId);
    assert.deepEqual(await differences(image, split), []);
    const names = (await Promise.all(split.layers.slice(1).map(namesIn))).flat();
    assert.deepEqual([...new Set(names)].sort(), [".wh.b", "a/", "a/.wh.2", "a/3", "e/"]);
    assert.deepEqual(split.config.value.history?.[0], image.config.value.history?.[0]);
  });

  it("has all names of a file of the base anew where one of them is new", async () => {
    const layers: readonly Entries[] = [
      { "a/1": "content", "a/2": hardLink("a/1"), b: "other" },
      { "c/3": hardLink("a/1") },
    ];
    const image = await imageOf(layers);
    const base = await imageOf(layers.slice(0, 1));
    const split = await relayer(image, { base: { image: base, name: "base" } });
    assert.deepEqual(await differences(image, split), []);
    const names = (await Promise.all(split.layers.slice(1).map(namesIn))).flat();
    assert.deepEqual([...new Set(names)].sort(), ["a/", "a/1", "a/2", "c/", "c/3"]);
  });

  it("is the same file by file for all layers, as many of them as are the base's", async () => {
    let sound = 0;
    await fc.assert(
      fc.asyncProperty(randomLayers, fc.nat(4), async (layers, count) => {
        const image = await imageOf(layers);
        if (!(await isSound(image))) return;
        sound++;
        const base = { ...image, layers: image.layers.slice(0, count) };
        const split = await relayer(image, { base: { image: base, name: "base" } });
        assert.deepEqual(await differences(image, split), []);
      }),
      { numRuns: 300 },
    );
    assert.ok(sound > 50, `only ${sound} images were sound`);
  });

  it("fails where the image doesn't begin with the base's layers", async () => {
    const image = await imageOf([{ a: "1" }]);
    for (const layers of [[{ a: "2" }], [{ a: "1" }, { b: "2" }]]) {
      await assert.rejects(relayer(image, { base: { image: await imageOf(layers), name: "the-base" } }), {
        code: "USAGE",
        message: /doesn't begin with the layers of the-base/,
      });
    }
  });
});

const name = fc.constantFrom("a", "b", "c", "a/b", "a/c", "b/c", "a/b/c", "c/a/b", "a.b", "a/b-c");
const entry = fc.oneof(
  fc.string({ maxLength: 3 }),
  fc.record({ content: fc.string({ maxLength: 3 }), mode: fc.constantFrom(0o644, 0o4755), mtime: fc.nat(9) }),
  fc.record({ dir: fc.constant(true as const), mode: fc.constantFrom(0o755, 0o1777), mtime: fc.nat(9) }),
  fc.constantFrom<MadeEntry>({ link: "a" }, { link: "/b" }, { link: "../c" }, { type: "3", devmajor: 1 }),
  fc.constantFrom(hardLink("a"), hardLink("b/c"), hardLink("c")),
);
const change = fc.oneof(
  fc.record({ name, entry }),
  fc.record({ name, entry }),
  fc.record({ name: name.map((path) => path.replace(/[^/]+$/, ".wh.$&")), entry: fc.constant("") }),
  fc.record({ name: name.map((path) => path.replace(/[^/]+$/, ".wh..wh..opq")), entry: fc.constant("") }),
);
const randomLayers = fc.array(
  fc
    .array(change, { maxLength: 8 })
    .map((changes): Entries => Object.fromEntries(changes.map(({ name, entry }) => [name, entry]))),
  { maxLength: 4 },
);

async function isSound(image: Awaited<ReturnType<typeof imageOf>>): Promise<boolean> {
  return await flattenedTree(image.layers).then(
    () => true,
    () => false,
  );
}
