import assert from "node:assert/strict";
import {
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { type DraftOptions, draftImage } from "#draft";
import type { LayerRecipe } from "#fs";
import type { Image, ImageDraft, Layer } from "#image";
import { measureLayers } from "#measure";
import { digestOf, encodeDocument, type ImageConfig, MediaType, parseDigest } from "#oci";
import { checkSpec, type ImageSpecInput } from "#spec";
import { STILL } from "../../support/drafts.ts";
import { run } from "../../support/process.ts";
import { members, names } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

const OPTIONS: DraftOptions = { ...STILL, now: new Date("2024-01-01T00:00:00Z") };

interface Built {
  readonly layers: readonly Buffer[];
  readonly diffIds: readonly string[];
  readonly config: ImageConfig;
  readonly configBytes: string;
  readonly names: readonly string[];
}

async function finish(draft: ImageDraft): Promise<Built> {
  const layers: Layer[] = [];
  const bytes: Buffer[] = [];
  for await (const layer of draft.layers()) {
    layers.push(layer);
    bytes.push(await bytesOf(layer));
  }
  const { config, names } = draft.finish(layers);
  return {
    layers: bytes,
    diffIds: layers.map(({ diffId }) => diffId),
    config: config.value,
    configBytes: Buffer.from(config.bytes).toString(),
    names,
  };
}

async function bytesOf(layer: Layer): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  return Buffer.concat(chunks);
}

/** A store in `folder` with these paths, and its graph: each path refers to the one before it. */
function writeStore(
  folder: string,
  store: Readonly<Record<string, Tree>>,
): { graph: string; path: (name: string) => string } {
  mkdirSync(`${folder}/store`);
  const path = (name: string) => `${folder}/store/${name}`;
  const entries = Object.entries(store).map(([name, tree], index, all) => {
    writeTree(path(name), tree);
    return { path: path(name), references: index === 0 ? [] : [path(all[index - 1]![0])] };
  });
  writeFileSync(`${folder}/graph.json`, JSON.stringify(entries));
  return { graph: `${folder}/graph.json`, path };
}

async function build(fields: Partial<ImageSpecInput>, options: Partial<DraftOptions> = {}): Promise<Built> {
  return finish(await draftImage(checkSpec({ name: "image", ...fields }), { ...OPTIONS, ...options }));
}

const file = (text: string): Tree => ({ file: text });

describe("an image", () => {
  it("has a layer for each component, their directories first, and the customisation layer last", async (t) => {
    const folder = await temporaryFolder(t);
    const { graph, path } = writeStore(folder, {
      a: { dir: { bin: { dir: { x: file("x") } } } },
      b: file("b"),
    });
    const { layers, diffIds, config } = await build({ graph, contents: [path("a")] });
    assert.equal(layers.length, 3);
    assert.deepEqual(
      diffIds,
      layers.map((layer) => digestOf(layer)),
    );
    assert.deepEqual(config.rootfs.diff_ids, diffIds);
    const above = folder
      .split("/")
      .slice(1)
      .map((_, index, parts) => `/${parts.slice(0, index + 1).join("/")}`);
    const parents = [...above, `${folder}/store`];
    const listed = await Promise.all(layers.map(names));
    const a = [...parents, path("a"), `${path("a")}/bin`, `${path("a")}/bin/x`];
    assert.deepEqual(listed.slice(0, 2), [a, [...parents, path("b")]]);
    assert.deepEqual(listed[2], ["/bin", "/bin/x"]);
  });

  it("puts what is left into the last layer when the budget is spent, the base's layers counted", async (t) => {
    const folder = await temporaryFolder(t);
    const store = Object.fromEntries(["a", "b", "c", "d"].map((name) => [name, file(name)]));
    const { graph } = writeStore(folder, store);
    const base = baseImage({}, 2);
    for (const [maxLayers, expected] of [
      [100, 2 + 4 + 1],
      [7, 7],
      [6, 6],
      [4, 4],
    ] as const) {
      assert.equal((await build({ graph, maxLayers }, { base })).layers.length, expected);
    }
    await assert.rejects(build({ graph, maxLayers: 3 }, { base }), {
      code: "NO_LAYERS_LEFT",
      message:
        "usedLayers 3 layers to store 'fromImage' and 'extraCommands', but only maxLayers=3 were allowed. At least 1 layer is required to store contents.",
    });
  });

  it("has the base's layers as they are, and its environment under its own", async () => {
    const base = baseImage({ Env: ["PATH=/base", "A=1", "B=2"], User: "base" }, 2);
    const { config, diffIds, layers } = await build(
      { config: { Env: ["B=3", "C=4", "PATH=/own"] } },
      { base },
    );
    assert.deepEqual(
      diffIds.slice(0, 2),
      base.layers.map(({ diffId }) => diffId),
    );
    assert.equal(layers[0]!.toString(), "layer 0");
    assert.deepEqual(config.config?.Env, ["PATH=/own", "A=1", "B=3", "C=4"]);
  });

  it("has a history entry for each layer, the base's own first", async (t) => {
    const folder = await temporaryFolder(t);
    const { graph, path } = writeStore(folder, { a: file("a") });
    const base = baseImage({}, 2, [
      { created_by: "one" },
      { created_by: "nothing", empty_layer: true },
      { created_by: "two" },
    ]);
    const { config } = await build({ graph, created: "2024-02-29" }, { base });
    const history = config.history ?? [];
    assert.deepEqual(
      history.slice(0, 3).map((entry) => entry.created_by),
      ["one", "nothing", "two"],
    );
    assert.equal(history.filter((entry) => entry.empty_layer !== true).length, config.rootfs.diff_ids.length);
    const [added] = history.slice(3);
    assert.equal(added!.created, "2024-02-29T00:00:00Z");
    assert.equal(added!.comment, `store paths: ["${path("a")}"]`);
  });

  it("whose base has no history still has an entry for each layer", async () => {
    const { config } = await build({}, { base: baseImage({}, 3) });
    assert.equal(config.history?.length, 4);
  });

  it("says what it was told of times, platform and owner", async (t) => {
    const folder = await temporaryFolder(t);
    const { graph } = writeStore(folder, { a: file("a") });
    const told = {
      created: "now",
      mtime: "2001-09-09T01:46:40Z",
      uid: 5,
      gid: 6,
      uname: "u",
      gname: "g",
      tag: "v1",
    };
    const { config, layers, names: given } = await build({ graph, architecture: "arm64", ...told });
    assert.deepEqual(
      [config.created, config.architecture, config.os],
      ["2024-01-01T00:00:00Z", "arm64", "linux"],
    );
    assert.deepEqual(given, ["image:v1"]);
    for (const { entry } of (await Promise.all(layers.map(members))).flat()) {
      const { mtime, uid, gid, uname, gname } = entry;
      assert.deepEqual([mtime, uid, gid, uname, gname], [1_000_000_000, 5, 6, "u", "g"]);
    }
  });

  it("has another config but the same layers when only `created` differs", async (t) => {
    const folder = await temporaryFolder(t);
    const { graph } = writeStore(folder, { a: file("a") });
    const [one, other] = [await build({ graph }), await build({ graph, created: "now" })];
    assert.deepEqual(one.diffIds, other.diffIds);
    assert.notEqual(one.configBytes, other.configBytes);
    assert.notDeepEqual(one.names, other.names);
  });

  it("tells in notes what of its contents was left out", async (t) => {
    const folder = await temporaryFolder(t);
    const { graph, path } = writeStore(folder, {
      a: { dir: { x: file("a") } },
      b: { dir: { x: file("b") } },
    });
    const notes: string[] = [];
    await build({ graph, contents: [path("a"), path("b")] }, { onNote: (note) => notes.push(note) });
    assert.deepEqual(notes, [`/x is in both ${path("a")} and ${path("b")}; the first is taken`]);
  });

  it("is refused for contents that no component holds, and for a path that is missing", async (t) => {
    const folder = await temporaryFolder(t);
    const { graph, path } = writeStore(folder, { a: { dir: {} } });
    await assert.rejects(build({ graph, contents: [path("other")] }), {
      code: "INVALID_SPEC",
      message: new RegExp(path("other")),
    });
    rmSync(path("a"), { recursive: true });
    await assert.rejects(build({ graph }), {
      code: "NOT_FOUND",
      message: new RegExp(`how large ${path("a")} is, and it isn't on this machine`),
    });
  });

  it("has modes that don't depend on the umask of whoever installed an npm project", async (t) => {
    const folder = await temporaryFolder(t);
    const built: Built[] = [];
    for (const umask of ["022", "077", "002"]) {
      const project = `${folder}/${umask}`;
      await npmProject(project, umask);
      built.push(await build({ graph: project }));
    }
    for (const other of built.slice(1)) assert.deepEqual(other, built[0]);
    const all = (await Promise.all(built[0]!.layers.map(names))).flat();
    assert.ok(all.includes("/app/node_modules/dep/index.js") && all.includes("/app/package.json"));
  });
});

/** An npm project whose files are made by somebody with this umask, in another order for each. */
async function npmProject(folder: string, umask: string): Promise<void> {
  const packages = { "node_modules/dep": { version: "1.0.0" }, "node_modules/other": { version: "2.0.0" } };
  const files: [string, string][] = [
    ["package.json", JSON.stringify({ name: "project", dependencies: { dep: "1", other: "2" } })],
    [
      "package-lock.json",
      JSON.stringify({
        lockfileVersion: 3,
        packages: { "": { dependencies: { dep: "1", other: "2" } }, ...packages },
      }),
    ],
    ["node_modules/.package-lock.json", JSON.stringify({ lockfileVersion: 3, packages })],
    ["node_modules/dep/package.json", '{"name": "dep"}'],
    ["node_modules/dep/index.js", "dep"],
    ["node_modules/other/package.json", '{"name": "other"}'],
    ["node_modules/other/z", "z"],
    ["node_modules/other/a", "a"],
    ["index.js", "project"],
  ];
  if (umask !== "022") files.reverse();
  const script = `umask ${umask}; while [ $# -gt 0 ]; do mkdir -p "$(dirname "$1")"; printf %s "$2" >"$1"; shift 2; done`;
  mkdirSync(folder);
  const { code, stderr } = await run(["sh", "-c", script, "sh", ...files.flat()], { cwd: folder });
  assert.equal(code, 0, stderr);
}

function baseImage(
  config: ImageConfig["config"],
  layerCount: number,
  history?: ImageConfig["history"],
): Image {
  const layers = Array.from({ length: layerCount }, (_, index): Layer => {
    const bytes = Buffer.from(`layer ${index}`);
    const digest = digestOf(bytes);
    return {
      descriptor: { mediaType: MediaType.ociLayer, digest, size: bytes.length },
      diffId: digest,
      components: [],
      async *open() {
        yield bytes;
      },
    };
  });
  const value: ImageConfig = {
    architecture: "amd64",
    os: "linux",
    config: config ?? {},
    rootfs: { type: "layers", diff_ids: layers.map(({ diffId }) => diffId) },
    ...(history === undefined ? {} : { history }),
  };
  return { config: encodeDocument(value, MediaType.ociConfig), layers, names: [] };
}

describe("measured layers", () => {
  async function layersOf(
    t: TestContext,
    trees: Readonly<Record<string, Tree>>,
  ): Promise<{ folder: string; recipes: LayerRecipe[] }> {
    const folder = await temporaryFolder(t);
    const recipes = Object.entries(trees).map(([name, tree]): LayerRecipe => {
      writeTree(`${folder}/${name}`, tree);
      return {
        items: [{ kind: "tree", source: `${folder}/${name}`, target: `/${name}` }],
        owner: { uid: 0, gid: 0, uname: "", gname: "" },
        mtime: 1,
        modes: "keep",
        components: [name],
      };
    });
    return { folder, recipes };
  }

  it("come in the recipes' order with the digest and size of their bytes, however many threads measure", async (t) => {
    const trees = Object.fromEntries(
      Array.from({ length: 12 }, (_, index) => [`t${index}`, { file: 1000 * (12 - index) }]),
    );
    const { recipes } = await layersOf(t, trees);
    const answers: string[][] = [];
    for (const threads of [1, 2, 4, 20]) {
      const seen: string[] = [];
      for await (const layer of measureLayers(recipes, { threads })) {
        const bytes = await bytesOf(layer);
        assert.equal(layer.diffId, digestOf(bytes));
        assert.deepEqual(layer.descriptor, {
          mediaType: MediaType.ociLayer,
          digest: parseDigest(layer.diffId, ""),
          size: bytes.length,
        });
        seen.push(layer.components.join());
      }
      answers.push(seen);
    }
    for (const seen of answers) assert.deepEqual(seen, Object.keys(trees));
  });

  it("may be opened again and again", async (t) => {
    const { recipes } = await layersOf(t, { a: { file: 3_000_000 } });
    for await (const layer of measureLayers(recipes)) {
      const [one, other] = await Promise.all([bytesOf(layer), bytesOf(layer)]);
      assert.ok(one.equals(other));
    }
  });

  // There is room in memory for the small one, so that it has to be read only when it is asked for again.
  for (const [which, size] of [
    ["is small", 50_000],
    ["is larger than what is kept in memory", 20_000_000],
  ] as const) {
    it(`fail by name when a content changed that ${which}, and its size and time didn't`, async (t) => {
      const { folder, recipes } = await layersOf(t, { a: { dir: { x: { file: size }, y: { file: 10 } } } });
      for await (const layer of measureLayers(recipes)) {
        const path = `${folder}/a/x`;
        const { atime, mtime } = statSync(path);
        const bytes = readFileSync(path);
        bytes[100] = bytes[100]! ^ 1;
        if (size < 1_000_000) assert.equal(digestOf(await bytesOf(layer)), layer.diffId);
        writeFileSync(path, bytes);
        utimesSync(path, atime, mtime);
        await assert.rejects(bytesOf(layer), {
          code: "CHANGED_WHILE_READING",
          message: new RegExp(`^${folder}/a(/x)? changed while`),
        });
      }
    });

    it(`name the very file that ${which} when its time changed, too`, async (t) => {
      const { folder, recipes } = await layersOf(t, { a: { dir: { x: { file: 50 }, y: { file: size } } } });
      for await (const layer of measureLayers(recipes)) {
        if (size < 1_000_000) assert.equal(digestOf(await bytesOf(layer)), layer.diffId);
        writeFileSync(`${folder}/a/new`, Buffer.alloc(size));
        utimesSync(`${folder}/a/new`, 1, 1);
        renameSync(`${folder}/a/new`, `${folder}/a/y`);
        await assert.rejects(bytesOf(layer), {
          code: "CHANGED_WHILE_READING",
          message: new RegExp(`^${folder}/a/y changed while`),
        });
      }
    });
  }

  it("are what was measured though a file changed since, and fail when that is asked for again", async (t) => {
    for (const small of [50, 5000]) {
      const files: Tree = { dir: { x: { file: small }, y: { file: small === 50 ? 50_000 : 20_000_000 } } };
      const { folder, recipes } = await layersOf(t, { a: files });
      for await (const layer of measureLayers(recipes)) {
        writeFileSync(`${folder}/a/x`, Buffer.alloc(small));
        assert.equal(digestOf(await bytesOf(layer)), layer.diffId);
        await assert.rejects(bytesOf(layer), { code: "CHANGED_WHILE_READING" });
      }
    }
  });

  it("are right when others before them were read in part, or not at all", async (t) => {
    const trees = Object.fromEntries(
      Array.from({ length: 30 }, (_, n) => [`t${n}`, { file: 1_500_000 + n }]),
    );
    const { recipes } = await layersOf(t, trees);
    let n = 0;
    for await (const layer of measureLayers(recipes, { threads: 2 })) {
      const kind = n++ % 3;
      if (kind === 0) assert.equal(digestOf(await bytesOf(layer)), layer.diffId);
      if (kind === 1) for await (const _ of layer.open()) break;
    }
    assert.equal(n, 30);
  });

  it("fail with what measuring failed with, and only in their turn", async (t) => {
    const { folder, recipes } = await layersOf(t, { a: { file: "a" }, b: { file: "b" }, c: { file: "c" } });
    rmSync(`${folder}/b`);
    const seen: string[] = [];
    await assert.rejects(
      async () => {
        for await (const layer of measureLayers(recipes)) seen.push(layer.components.join());
      },
      { code: "NOT_FOUND", message: `cannot read ${folder}/b: it does not exist` },
    );
    assert.deepEqual(seen, ["a"]);
  });

  it("stop at a signal, also while a large one is being measured or written", {
    timeout: 300_000,
  }, async (t) => {
    const { folder, recipes } = await layersOf(t, { a: { file: "a" }, big: { file: "" } });
    // No bytes on the disk, but enough to hash for an hour.
    truncateSync(`${folder}/big`, 2 ** 42);
    const measuring = new AbortController();
    await assert.rejects(
      async () => {
        for await (const _ of measureLayers(recipes, { signal: measuring.signal })) {
          setImmediate(() => measuring.abort());
        }
      },
      { code: "ABORTED", message: "the build was cancelled" },
    );
    await assert.rejects(
      async () => {
        for await (const _ of measureLayers(recipes, { signal: measuring.signal }));
      },
      { code: "ABORTED" },
    );
    const writing = new AbortController();
    for await (const layer of measureLayers(recipes.slice(0, 1))) {
      await assert.rejects(
        async () => {
          for await (const _ of layer.open(writing.signal)) writing.abort();
        },
        { code: "ABORTED" },
      );
    }
  });

  it("leave no thread behind when nobody takes the rest", async (t) => {
    const { recipes } = await layersOf(t, { a: { file: "a" }, b: { file: "b" } });
    for await (const _ of measureLayers(recipes)) break;
    assert.ok(!process.getActiveResourcesInfo().includes("MessagePort"));
  });
});
