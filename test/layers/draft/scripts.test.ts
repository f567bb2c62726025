import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { draftImage } from "#draft";
import type { Image, Layer, UnmeasuredLayer } from "#image";
import { checkSpec, type ImageSpecInput } from "#spec";
import { EntryType } from "#tar";
import { madeImage } from "#testing";
import { STILL } from "../../support/drafts.ts";
import { requires } from "../../support/systems.ts";
import { members } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

async function bench(t: TestContext) {
  const folder = await temporaryFolder(t);
  const temporary = join(folder, "tmp");
  mkdirSync(temporary);
  const notes: string[] = [];
  const said: string[] = [];
  const draft = (fields: Partial<ImageSpecInput>, base?: Image) =>
    draftImage(checkSpec({ name: "image", ...fields }), {
      base,
      ...STILL,
      temporary,
      onOutput: (line, script) => said.push(`${script} ${line}`),
      onNote: (note) => notes.push(note),
    });
  /** The last layer's entries, and what was noted. */
  const build = async (fields: Partial<ImageSpecInput>, base?: Image) => {
    await using made = await draft(fields, base);
    const layers: Layer[] = [];
    for await (const layer of made.layers()) layers.push(layer);
    const last = await entriesOf(layers.at(-1)!);
    assert.notDeepEqual(readdirSync(temporary), [], "the layer is kept until the draft is disposed of");
    return { entries: last, layers };
  };
  return { folder, temporary, notes, said, draft, build };
}

async function entriesOf(layer: Layer | UnmeasuredLayer) {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  return (await members(Buffer.concat(chunks))).map(({ entry }) => entry);
}

describe("a spec's scripts", { skip: requires("root", "busybox") }, () => {
  it("make the last layer, whose owner, time and permissions are as the spec says", async (t) => {
    const { build, notes, said, temporary } = await bench(t);
    const { entries } = await build({
      extraCommands: "echo hello; mkdir -p etc bin; touch etc/a etc/b bin/tool; ln etc/a etc/c",
      uid: 5,
      gname: "staff",
      mtime: "2024-01-01",
      permissions: [
        { path: "/etc/a", mode: "0600", uid: 7, mtime: "2025-01-01" },
        { path: "/bin/*", capabilities: "cap_net_raw+ep" },
        { path: "/etc/none", mode: "0600" },
      ],
    });
    const lines = entries.map(({ name, mode, uid, gname, mtime, pax }) =>
      [
        name,
        mode.toString(8),
        uid,
        gname,
        new Date(mtime * 1000).getUTCFullYear(),
        ...(pax?.keys() ?? []),
      ].join(" "),
    );
    assert.deepEqual(lines, [
      "bin 755 5 staff 2024",
      "bin/tool 644 5 staff 2024 SCHILY.xattr.security.capability",
      "etc 755 5 staff 2024",
      "etc/a 600 7 staff 2025",
      "etc/b 644 5 staff 2024",
      "etc/c 600 7 staff 2025",
    ]);
    assert.equal(entries.at(-1)!.type, EntryType.hardLink);
    assert.deepEqual(notes, [
      "permissions has the path /etc/none, which matches nothing that is added to the image",
    ]);
    assert.deepEqual(said, ["extraCommands hello"]);
    assert.deepEqual(readdirSync(temporary), []);
  });

  it("run once, however often the layers are asked for", async (t) => {
    const { draft, said } = await bench(t);
    await using made = await draft({ extraCommands: "echo ran; echo $$ > pid" });
    const digests = new Set<string>();
    for await (const layer of made.layers()) digests.add(layer.diffId);
    for await (const layer of made.unmeasuredLayers!()) digests.add((layer as Layer).diffId);
    assert.equal(digests.size, 1);
    assert.deepEqual(said, ["extraCommands ran"]);
  });

  it("leave nothing when they fail, when they are stopped, and when nobody asks for the layers", async (t) => {
    const { draft, temporary } = await bench(t);
    for (const [fields, code] of [
      [{ extraCommands: "touch x; false" }, "SCRIPT_FAILED"],
      [{ extraCommands: "while :; do :; done", scriptTimeout: 0.3 }, "SCRIPT_TIMEOUT"],
    ] as const) {
      await using made = await draft(fields);
      await assert.rejects(made.layers()[Symbol.asyncIterator]().next(), { code });
    }
    const stop = new AbortController();
    {
      await using made = await draft({ extraCommands: "while :; do :; done" });
      const first = made.layers(stop.signal)[Symbol.asyncIterator]().next();
      stop.abort();
      await assert.rejects(first, { code: "ABORTED" });
    }
    {
      await using _ = await draft({ extraCommands: "true" });
    }
    assert.deepEqual(readdirSync(temporary), []);
  });

  it("leave directories to whom they belong in the base", async (t) => {
    const { folder, build } = await bench(t);
    const home = { dir: true, uid: 1000, gid: 100, mode: 0o750 } as const;
    const base = await madeImage([{ entries: { home: { dir: true }, "home/jane": home } }]);
    writeTree(`${folder}/a`, { dir: { home: { dir: { jane: { dir: { f: { file: "f" } } } } } } });
    writeFileSync(`${folder}/graph.json`, JSON.stringify([{ path: `${folder}/a`, references: [] }]));
    const contents = { graph: `${folder}/graph.json`, contents: `${folder}/a` };
    for (const fields of [
      { extraCommands: "touch home/jane/g" },
      { fakeRootCommands: "touch home/jane/g" },
      { fakeRootCommands: "touch home/jane/g", uid: 3 },
    ]) {
      const { entries } = await build({ ...contents, ...fields }, base);
      const owner = fields.uid ?? 0;
      assert.deepEqual(
        entries.map(({ name, uid, gid, mode }) => `${name} ${uid}:${gid} ${mode.toString(8)}`),
        [
          "home 0:0 755",
          "home/jane 1000:100 750",
          `home/jane/f ${owner}:0 777`,
          // What is made as root is root's.
          `home/jane/g 0:0 644`,
        ],
        JSON.stringify(fields),
      );
    }
  });

  it("are read from files where the spec says so, and empty ones are none", async (t) => {
    const { folder, build, draft } = await bench(t);
    const file = join(folder, "script.sh");
    writeFileSync(file, "touch made\n");
    const { entries } = await build({ extraCommands: { file }, fakeRootCommands: " \n" });
    assert.deepEqual(
      entries.map(({ name }) => name),
      ["made"],
    );
    await assert.rejects(draft({ runAsRoot: { file: join(folder, "gone.sh") } }), {
      code: "NOT_FOUND",
      message: /gone\.sh/,
    });
  });
});

describe("a spec of one layer", () => {
  const graphIn = (folder: string, names: readonly string[]) => {
    mkdirSync(`${folder}/store`, { recursive: true });
    for (const name of names) writeFileSync(`${folder}/store/${name}`, name);
    const file = `${folder}/graph.json`;
    writeFileSync(
      file,
      JSON.stringify(names.map((name) => ({ path: `${folder}/store/${name}`, references: [] }))),
    );
    return file;
  };
  const layersOf = async (fields: Partial<ImageSpecInput>, base?: Image) => {
    const draft = await draftImage(checkSpec({ name: "x", layered: false, ...fields }), {
      ...STILL,
      base,
    });
    const layers: Layer[] = [];
    for await (const layer of draft.layers()) layers.push(layer);
    return { layers: layers.slice(base?.layers.length ?? 0), entries: await entriesOf(layers.at(-1)!) };
  };

  it("takes the base's word for what is in it where its history has all of it, and else looks", async (t) => {
    const folder = await temporaryFolder(t);
    const [a, b] = [`${folder}/store/a`, `${folder}/store/b`];
    const graph = graphIn(folder, ["a", "b"]);
    const told = await madeImage([{ components: [a, b], entries: {} }]);
    assert.deepEqual((await layersOf({ graph }, told)).entries, []);
    assert.equal(told.layers[0]!.opened(), 0);
    // The history names one which another layer has removed.
    const looked = await madeImage([
      { components: [b], entries: { [a.slice(1)]: "a", [b.slice(1)]: "b" } },
      { entries: { [`${folder.slice(1)}/store/.wh.b`]: "" } },
    ]);
    const { layers, entries } = await layersOf({ graph }, looked);
    assert.deepEqual(
      layers.map(({ components }) => components),
      [[b]],
    );
    assert.equal(entries.at(-1)?.name, b);
  });

  it("needs no more than one layer, and says when there is none", async (t) => {
    const base = await madeImage([{ entries: { a: "a" } }, { entries: { b: "b" } }]);
    const graph = graphIn(await temporaryFolder(t), ["a", "b", "c"]);
    assert.equal((await layersOf({ graph, maxLayers: 3 }, base)).layers.length, 1);
    await assert.rejects(layersOf({ graph, maxLayers: 2 }, base), {
      code: "NO_LAYERS_LEFT",
      message: /has 2 layers/,
    });
  });

  it("keeps the modes of what is copied, and makes those of packages the same everywhere", async (t) => {
    const folder = await temporaryFolder(t);
    writeTree(`${folder}/root`, { dir: { secret: { file: "s", mode: 0o600 } } });
    writeTree(`${folder}/app`, {
      dir: {
        "package.json": { file: '{"name":"app","version":"1.0.0"}', mode: 0o600 },
        "package-lock.json": {
          file: JSON.stringify({
            name: "app",
            version: "1.0.0",
            lockfileVersion: 3,
            packages: { "": { name: "app", version: "1.0.0" } },
          }),
        },
      },
    });
    const { layers, entries } = await layersOf({ graph: `${folder}/app`, copyToRoot: `${folder}/root` });
    assert.equal(layers.length, 1);
    const modes = new Map(entries.map(({ name, mode }) => [name, mode.toString(8)]));
    assert.deepEqual([modes.get("/secret"), modes.get("/app/package.json")], ["600", "644"]);
  });
});

describe("a Nix database", () => {
  it("is refused without a graph of store paths", async (t) => {
    const { draft } = await bench(t);
    await assert.rejects(draft({ includeNixDB: true }), { code: "INVALID_SPEC", message: /needs a graph/ });
  });
});
