import assert from "node:assert/strict";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { type DigestCache, openDigestCache } from "#cache";
import { draftImage } from "#draft";
import { flattenedTree } from "#flatten";
import type { Image, Layer } from "#image";
import { digestOf, encodeDocument, type ImageConfig, MediaType } from "#oci";
import { checkSpec, type ImageSpecInput } from "#spec";
import { EntryType, type TarEntry, writeTar } from "#tar";
import { STILL } from "../../support/drafts.ts";
import { members } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

const file = (text = "x"): Tree => ({ file: text });
const dir = (children: Readonly<Record<string, Tree>>): Tree => ({ dir: children });

/** A store of these paths, and its graph. */
async function storeOf(t: TestContext, store: Readonly<Record<string, Tree>>) {
  const folder = await temporaryFolder(t);
  mkdirSync(`${folder}/store`);
  const paths = Object.entries(store).map(([name, tree]) => {
    writeTree(`${folder}/store/${name}`, tree);
    return { path: `${folder}/store/${name}`, references: [] };
  });
  writeFileSync(`${folder}/graph.json`, JSON.stringify(paths));
  return { folder, graph: `${folder}/graph.json`, store: `${folder}/store` };
}

async function build(fields: Partial<ImageSpecInput>, base?: Image, cache?: DigestCache) {
  const notes: string[] = [];
  const options = {
    base,
    cache,
    ...STILL,
    onNote: (note: string) => notes.push(note),
  };
  const draft = await draftImage(checkSpec({ name: "image", ...fields }), options);
  const layers: Layer[] = [];
  for await (const layer of draft.layers()) layers.push(layer);
  return { layers, notes };
}

async function bytesOf(layer: Layer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** The last layer's entries. */
async function customisation(fields: Partial<ImageSpecInput>, base?: Image, cache?: DigestCache) {
  const { layers, notes } = await build(fields, base, cache);
  const entries = (await members(await bytesOf(layers.at(-1)!))).map(({ entry }) => entry);
  return { entries, notes, layers, lines: entries.map(line) };
}

const line = ({ name, type, linkname, mode, uid }: TarEntry) =>
  type === EntryType.symlink ? `${name} -> ${linkname}` : `${name} ${mode.toString(8)} ${uid}`;

/** A base of one layer, which counts how often it was opened. */
async function baseOf(entries: readonly Pick<TarEntry, "name" | "type" | "mode" | "uid" | "linkname">[]) {
  const chunks: Uint8Array[] = [];
  for await (const chunk of writeTar(
    entries.map((entry) => ({ entry: { gid: 0, size: 0, mtime: 0, ...entry } })),
  ))
    chunks.push(chunk);
  const bytes = Buffer.concat(chunks);
  const opened = { times: 0 };
  const diffId = digestOf(bytes);
  const layer: Layer = {
    descriptor: { mediaType: MediaType.ociLayer, digest: diffId, size: bytes.length },
    diffId,
    components: [],
    async *open() {
      opened.times++;
      yield bytes;
    },
  };
  const config: ImageConfig = {
    architecture: "amd64",
    os: "linux",
    config: {},
    rootfs: { type: "layers", diff_ids: [diffId] },
  };
  return {
    opened,
    image: {
      config: encodeDocument(config, MediaType.ociConfig),
      layers: [layer],
      names: [],
    } satisfies Image,
  };
}

const USR_MERGED = [
  { name: "usr", type: EntryType.directory, mode: 0o755, uid: 0 },
  { name: "usr/bin", type: EntryType.directory, mode: 0o751, uid: 3 },
  { name: "usr/bin/ls", type: EntryType.file, mode: 0o755, uid: 0 },
  { name: "bin", type: EntryType.symlink, mode: 0o777, uid: 0, linkname: "usr/bin" },
];

describe("what a spec puts into the root", () => {
  it("is copied with its modes, or linked, and may be one path instead of a list", async (t) => {
    const { folder, graph, store } = await storeOf(t, { a: dir({ bin: dir({ a: file() }) }) });
    writeTree(`${folder}/extra`, dir({ etc: { dir: { conf: { file: "x", mode: 0o640 } }, mode: 0o750 } }));
    const { lines } = await customisation({
      graph,
      contents: `${store}/a`,
      copyToRoot: `${folder}/extra`,
      uid: 7,
    });
    assert.deepEqual(lines, ["/bin 755 7", `/bin/a -> ${store}/a/bin/a`, "/etc 750 7", "/etc/conf 640 7"]);
  });

  it("is found in the components: a shell, env, certificates", async (t) => {
    const { graph, store } = await storeOf(t, {
      "1-sh": dir({ bin: dir({ sh: file() }) }),
      "2-bash": dir({ bin: dir({ bash: file(), env: file() }) }),
      "3-bash": dir({ bin: dir({ bash: file() }) }),
      "4-cacert": dir({ etc: dir({ ssl: dir({ certs: dir({ "ca-bundle.crt": file() }) }) }) }),
    });
    const { lines, notes } = await customisation({
      graph,
      binSh: true,
      usrBinEnv: true,
      caCertificates: true,
    });
    for (const expected of [
      `/bin/sh -> ${store}/2-bash/bin/bash`,
      `/usr/bin/env -> ${store}/2-bash/bin/env`,
      `/etc/ssl/certs/ca-certificates.crt -> ${store}/4-cacert/etc/ssl/certs/ca-bundle.crt`,
    ]) {
      assert.ok(lines.includes(expected), expected);
    }
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, /^binSh has 2 to choose from and takes .*2-bash/);
  });

  it("is refused when no component has it", async () => {
    for (const field of ["binSh", "usrBinEnv", "caCertificates"]) {
      await assert.rejects(build({ [field]: true }), {
        code: "INVALID_SPEC",
        message: new RegExp(`^${field} is true`),
      });
    }
    await assert.rejects(build({ caCertificates: "/nowhere.crt" }), {
      code: "NOT_FOUND",
      message: /\/nowhere\.crt/,
    });
  });

  it("is where a path says, certificates copied from a file that no component holds", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/my.crt`, { file: "pem", mode: 0o600 });
    const { lines } = await customisation({ binSh: "/opt/sh", caCertificates: `${folder}/my.crt` });
    assert.ok(lines.includes("/bin/sh -> /opt/sh"));
    assert.ok(lines.includes("/etc/ssl/certs/ca-bundle.crt 644 0"));
  });

  it("may be without the components, to which links still lead", async (t) => {
    const { graph, store } = await storeOf(t, { a: dir({ x: file() }), b: file() });
    const { layers, lines } = await customisation({
      graph,
      contents: [`${store}/a`],
      includeStorePaths: false,
    });
    assert.equal(layers.length, 1);
    assert.deepEqual(lines, [`/x -> ${store}/a/x`]);
  });

  it("has a component's place when the store path is a link to another", async (t) => {
    const { graph, store } = await storeOf(t, { a: { link: "b" }, b: dir({ x: file() }) });
    const { lines, layers } = await customisation({ graph, contents: [`${store}/a`] });
    assert.deepEqual(lines, [`/x -> ${store}/a/x`]);
    const all = await Promise.all(layers.map(async (layer) => members(await bytesOf(layer))));
    const link = all.flat().find(({ entry }) => entry.name === `${store}/a`);
    assert.deepEqual([link!.entry.name, link!.entry.type, link!.entry.linkname], [`${store}/a`, "2", "b"]);
  });
});

describe("permissions of a spec", () => {
  it("reach components and the root, and those that match nothing are told of", async (t) => {
    const { graph, store } = await storeOf(t, { a: dir({ ping: file() }), b: dir({ pong: file() }) });
    const { layers, lines, notes } = await customisation({
      graph,
      fakeNss: true,
      permissions: [
        { path: `${store}/a/ping`, mode: "4755", capabilities: "cap_net_raw+ep" },
        { path: "/var/empty", uid: 5, mtime: "1970-01-02" },
        { path: "/nothing/**", uid: 1 },
      ],
    });
    assert.ok(lines.includes("/var/empty 555 5"));
    const [ping] = (await members(await bytesOf(layers[0]!))).slice(-1);
    assert.equal(ping!.entry.mode, 0o4755);
    assert.ok(ping!.entry.pax?.has("SCHILY.xattr.security.capability"));
    assert.equal(notes.length, 1);
    assert.match(notes[0]!, /\/nothing\/\*\*.* matches nothing/);
    // A layer that no rule is for is the same with and without rules.
    const plain = await build({ graph, fakeNss: true });
    assert.deepEqual(
      plain.layers.map(({ diffId }, n) => diffId === layers[n]!.diffId),
      [false, true, false],
    );
  });

  it("are refused where they can't be", async () => {
    await assert.rejects(build({ permissions: [{ path: "/x", capabilities: "cap_x" }] }), {
      code: "INVALID_SPEC",
    });
    await assert.rejects(build({ permissions: [{ path: "/" }] }), { code: "INVALID_SPEC" });
  });
});

describe("an image on a base whose /bin is a link", () => {
  it("has everything of the base, and the new files where the link leads", async (t) => {
    const { graph, store } = await storeOf(t, { a: dir({ bin: dir({ a: file() }) }) });
    const base = await baseOf(USR_MERGED);
    const { layers, lines } = await customisation({ graph, contents: [`${store}/a`] }, base.image);
    assert.deepEqual(lines, ["/usr 755 0", "/usr/bin 751 3", `/usr/bin/a -> ${store}/a/bin/a`]);
    const tree = await flattenedTree(layers);
    assert.deepEqual(tree.get("/bin"), { type: "symlink", target: "usr/bin" });
    for (const name of ["/usr/bin/ls", "/usr/bin/a"]) assert.ok(tree.get(name), name);
  });

  it("has a directory in the link's place when the base isn't to be followed, and doesn't read it", async (t) => {
    const { graph, store } = await storeOf(t, { a: dir({ bin: dir({ a: file() }) }) });
    const base = await baseOf(USR_MERGED);
    const { lines } = await customisation({ graph, contents: [`${store}/a`], followBase: false }, base.image);
    assert.deepEqual(lines, ["/bin 755 0", `/bin/a -> ${store}/a/bin/a`]);
    assert.equal(base.opened.times, 0);
  });

  it("reads the base once for all builds that have a cache, and makes the same image", async (t) => {
    const { folder, graph, store } = await storeOf(t, { a: dir({ bin: dir({ a: file() }) }) });
    const cache = () => openDigestCache({ folder: `${folder}/cache`, now: Date.now });
    const first = await baseOf(USR_MERGED);
    const other = await baseOf(USR_MERGED.map((entry) => ({ ...entry, uid: 5 })));
    const built: string[][] = [];
    for (const [tmp, base] of [
      [false, first],
      [false, first],
      [true, first],
      [false, other],
    ] as const) {
      const fields = { graph, contents: [`${store}/a`], tmp };
      // Each time another image, as each command has one.
      const { lines } = await customisation(fields, { ...base.image }, cache());
      assert.deepEqual(lines, (await customisation(fields, { ...base.image })).lines);
      built.push(lines);
    }
    assert.deepEqual(built[1], ["/usr 755 0", "/usr/bin 751 3", `/usr/bin/a -> ${store}/a/bin/a`]);
    assert.deepEqual(built[3], ["/usr 755 5", "/usr/bin 751 5", `/usr/bin/a -> ${store}/a/bin/a`]);
    // Once for the cache, and each time without it.
    assert.deepEqual([first.opened.times, other.opened.times], [1 + 3, 1 + 1]);
  });

  it("doesn't read the base for store paths alone", async (t) => {
    const { graph } = await storeOf(t, { a: file() });
    const base = await baseOf(USR_MERGED);
    await build({ graph }, base.image);
    assert.equal(base.opened.times, 0);
  });

  it("has an npm project behind a link that its folder lies behind", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/p`, dir({ "index.js": file() }));
    writeFileSync(`${folder}/p/package.json`, JSON.stringify({ name: "p", version: "1.0.0" }));
    writeFileSync(
      `${folder}/p/package-lock.json`,
      JSON.stringify({
        name: "p",
        version: "1.0.0",
        lockfileVersion: 3,
        packages: { "": { name: "p", version: "1.0.0" } },
      }),
    );
    const base = await baseOf([
      { name: "srv", type: EntryType.symlink, mode: 0o777, uid: 0, linkname: "var/srv" },
      { name: "var", type: EntryType.directory, mode: 0o755, uid: 0 },
      { name: "var/srv", type: EntryType.directory, mode: 0o700, uid: 9 },
    ]);
    const graph = `${folder}/p`;
    const behind = await build({ graph, config: { WorkingDir: "/srv/p" } }, base.image);
    const names = (await members(await bytesOf(behind.layers[1]!))).map(({ entry }) => line(entry));
    assert.deepEqual(names.slice(0, 3), ["/var 755 0", "/var/srv 700 9", "/var/srv/p 755 0"]);
    assert.ok(names.includes("/var/srv/p/index.js 644 0"));
    const { times } = base.opened;
    await build({ graph }, base.image);
    assert.equal(base.opened.times, times, "/app is no reason to read the base");
  });
});

describe("a store path's links", () => {
  it("to folders are merged with another's folders", async (t) => {
    const { graph, store } = await storeOf(t, {
      a: dir({}),
      b: dir({ bin: dir({ b: file() }) }),
      c: dir({ bin: dir({ c: file() }) }),
    });
    symlinkSync(`${store}/b/bin`, `${store}/a/bin`);
    const { lines, notes } = await customisation({ graph, contents: [`${store}/a`, `${store}/c`] });
    assert.deepEqual(lines, ["/bin 755 0", `/bin/b -> ${store}/b/bin/b`, `/bin/c -> ${store}/c/bin/c`]);
    assert.deepEqual(notes, []);
  });
});
