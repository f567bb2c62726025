import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { after, describe, it } from "node:test";
import type { Comparison } from "#app";
import { assertFailed } from "../../support/failure.ts";
import { writeProject } from "../../support/npm-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

/** Digests of these tests' layers stay out of the user's own cache. */
const env = { VARVE_CACHE_DIR: await temporaryFolder({ after }) };

async function mustVarve(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await varve(args, { env });
  assert.equal(code, 0, stderr);
  return stdout.toString();
}

const json = async (...args: readonly string[]) =>
  JSON.parse(await mustVarve("why", ...args, "--json")) as Comparison;

/** A store with a graph of these paths and a spec, each by the name it is given; `zlib` refers to nothing. */
function writeStore(
  folder: string,
  name: string,
  paths: Readonly<Record<string, readonly string[]>>,
): string {
  mkdirSync(`${folder}/store`, { recursive: true });
  const present = new Set(readdirSync(`${folder}/store`));
  const graph = Object.entries(paths).map(([path, references]) => {
    const text = { file: `${path}\n`.repeat(1000) };
    if (!present.has(path)) {
      writeTree(`${folder}/store/${path}`, {
        dir: { bin: { dir: { [path.slice(33).split("-")[0]!]: text } } },
      });
    }
    return { path: `${folder}/store/${path}`, references: references.map((to) => `${folder}/store/${to}`) };
  });
  writeFileSync(`${folder}/${name}-graph.json`, JSON.stringify(graph));
  const contents = [graph[0]!.path];
  const spec = { name: "app", graph: `${name}-graph.json`, contents, maxLayers: 4 };
  writeFileSync(`${folder}/${name}.json`, JSON.stringify(spec));
  return `${folder}/${name}.json`;
}

const path = (letter: string, name: string) => `${letter.repeat(32)}-${name}`;

describe("varve why", { concurrency: 2 }, () => {
  it("tells which store path is another version, which were rebuilt for it, and what stays", async (t) => {
    const folder = await temporaryFolder(t);
    const zlib = { [path("z", "zlib-1.3")]: [] };
    const old = writeStore(folder, "old", {
      [path("a", "app-1.0")]: [path("b", "openssl-3.0.1"), path("z", "zlib-1.3")],
      [path("b", "openssl-3.0.1")]: [path("z", "zlib-1.3")],
      ...zlib,
    });
    const now = writeStore(folder, "new", {
      [path("c", "app-1.0")]: [path("d", "openssl-3.0.2"), path("z", "zlib-1.3")],
      [path("d", "openssl-3.0.2")]: [path("z", "zlib-1.3")],
      ...zlib,
    });
    await mustVarve("build", old, "-q", "-o", `${folder}/old.tar`);
    const files = readdirSync(folder).sort();

    const text = await mustVarve("why", `${folder}/old.tar`, now);
    assert.match(text, /^3 of 4 layers differ: \S+ kB of \S+ kB would be sent/);
    assert.match(text, /^ +2 .*openssl: 3\.0\.1 → 3\.0\.2$/m);
    assert.match(text, /^ +3 .*app: 1\.0 rebuilt$/m);
    assert.match(text, /^ +4 .*other files: links \(\/bin\/app\)$/m);
    assert.ok(!text.includes("zlib"));

    const found = await json(`${folder}/old.tar`, now);
    assert.deepEqual(
      found.layers.map(({ state, reasons }) => [state, reasons]),
      [
        ["same", []],
        ["changed", ["version"]],
        ["changed", ["rebuilt"]],
        ["changed", ["links"]],
      ],
    );
    const sizes = found.layers.slice(1).map(({ size }) => size);
    assert.equal(found.cost.sent.bytes, sizes[0]! + sizes[1]! + sizes[2]!);
    // Measured, and not written.
    assert.deepEqual(readdirSync(folder).sort(), files);

    await mustVarve("build", now, "-q", "-o", `oci:${folder}/new:1`, "--compression", "gzip");
    const built = await json(old, `${folder}/new`);
    assert.deepEqual(
      built.layers.map(({ changes }) => changes),
      found.layers.map(({ changes }) => changes),
    );
    assert.ok(built.cost.sent.bytes < found.cost.sent.bytes);
    assert.match(
      await mustVarve("why", `${folder}/new`, now),
      /^Nothing differs: pushing it sends nothing\.\n$/,
    );
  });

  it("tells which npm package is another version, and what is sent along with it", async (t) => {
    const folder = await temporaryFolder(t);
    writeProject(`${folder}/project`);
    const spec = `${folder}/image.json`;
    const write = (fields: object) =>
      writeFileSync(spec, JSON.stringify({ name: "app", graph: "project", maxLayers: 2, ...fields }));
    write({ config: { Env: ["A=1"] } });
    await mustVarve("build", spec, "-q", "-o", `${folder}/old.tar`);
    assert.equal(
      await mustVarve("why", `${folder}/old.tar`, spec),
      "Nothing differs: pushing it sends nothing.\n",
    );

    write({ config: { Env: ["A=2"] } });
    assert.equal(
      await mustVarve("why", `${folder}/old.tar`, spec),
      "No layer differs: only the config would be sent.\n\nThe config differs in Env (A).\n",
    );

    write({ config: { Env: ["A=1"] } });
    const dep = `${folder}/project/node_modules/dep`;
    writeFileSync(`${dep}/package.json`, JSON.stringify({ name: "dep", version: "2.1.0" }));
    writeFileSync(`${folder}/project/index.js`, "the project, changed");
    const text = await mustVarve("why", `${folder}/old.tar`, spec);
    assert.match(text, /^2 of 2 layers differ: /);
    assert.match(text, /dep: 2\.0\.0 → 2\.1\.0$/m);
    assert.match(text, /the project: content \(index\.js\)$/m);
    assert.match(text, /with it 1 component unchanged/);
  });

  it("tells the licences of packages that came, and of those that have changed theirs", async (t) => {
    const folder = await temporaryFolder(t);
    const project = (name: string, packages: Readonly<Record<string, readonly [string, string?]>>) => {
      const entries = Object.entries(packages).map(
        ([key, [version]]) => [`node_modules/${key}`, { version }] as const,
      );
      writeTree(`${folder}/${name}`, {
        dir: {
          "package-lock.json": {
            file: JSON.stringify({
              lockfileVersion: 3,
              packages: { "": {}, ...Object.fromEntries(entries) },
            }),
          },
          "package.json": {
            file: JSON.stringify({
              dependencies: Object.fromEntries(Object.keys(packages).map((key) => [key, "*"])),
            }),
          },
          node_modules: {
            dir: Object.fromEntries(
              Object.entries(packages).map(([key, [version, license]]) => [
                key,
                { dir: { "package.json": { file: JSON.stringify({ name: key, version, license }) } } },
              ]),
            ),
          },
        },
      });
      writeFileSync(`${folder}/${name}.json`, JSON.stringify({ name: "app", graph: name }));
      return `${folder}/${name}.json`;
    };
    const old = project("old", { a: ["1.0.0", "MIT"], b: ["1.0.0", "MIT"], c: ["1.0.0"] });
    const now = project("new", {
      a: ["2.0.0", "ISC"],
      b: ["1.1.0", "MIT"],
      c: ["2.0.0", "MIT"],
      d: ["1.0.0", "MIT"],
    });
    assert.deepEqual((await json(old, now)).licences, [
      { name: "a", version: "2.0.0", from: "MIT", to: "ISC" },
      { name: "d", version: "1.0.0", to: "MIT" },
    ]);
    const text = await mustVarve("why", old, now);
    assert.match(text, /^Was under MIT and is under ISC: a\.$/m);
    assert.match(text, /^Came under MIT: d\.$/m);
    assert.doesNotMatch(await mustVarve("why", old, old), /under/);
  });

  it("tells of another base", async (t) => {
    const folder = await temporaryFolder(t);
    for (const name of ["one", "two"]) {
      writeStore(folder, name, { [path(name === "one" ? "1" : "2", "tool-1")]: [] });
      await mustVarve("build", `${folder}/${name}.json`, "-q", "-o", `oci:${folder}/${name}:1`);
      const spec = { name: "app", fromImage: `oci:${name}:1`, config: { Cmd: ["x"] } };
      writeFileSync(`${folder}/on-${name}.json`, JSON.stringify(spec));
    }
    const text = await mustVarve("why", `${folder}/on-one.json`, `${folder}/on-two.json`);
    assert.match(text, /tool: 1 rebuilt/);
    assert.match(text, /^The base image is another one\.$/m);
  });

  it("measures anew what the digest cache is wrong about", async (t) => {
    const folder = await temporaryFolder(t);
    const store = `${folder}/store/${path("a", "a-1")}`;
    writeTree(`${folder}/store`, { dir: { [path("a", "a-1")]: { dir: { x: { file: "x" } } } } });
    // Where the hash is known, the files aren't looked at: as if a store had been tampered with.
    const narHash = `sha256:${"0".repeat(64)}`;
    writeFileSync(
      `${folder}/graph.json`,
      JSON.stringify([{ path: store, narHash, narSize: 1, references: [] }]),
    );
    writeFileSync(`${folder}/spec.json`, JSON.stringify({ name: "app", graph: "graph.json" }));
    writeFileSync(`${folder}/empty.json`, JSON.stringify({ name: "app" }));
    const cached = ["--cache-dir", `${folder}/cache`];
    const sizeOf = async (...more: readonly string[]) => {
      const found = await json(`${folder}/empty.json`, `${folder}/spec.json`, ...more);
      return found.layers[0]!.changes[0]!.size;
    };
    assert.equal(await sizeOf(...cached), 1);
    writeFileSync(`${store}/x`, "xyz".repeat(10000));
    assert.equal(await sizeOf(...cached), 30000);
    assert.equal(await sizeOf("--no-cache"), 30000);
  });

  it("prints control characters of names as escapes", async (t) => {
    const folder = await temporaryFolder(t);
    writeProject(`${folder}/project`);
    writeFileSync(`${folder}/image.json`, JSON.stringify({ name: "app", graph: "project" }));
    await mustVarve("build", `${folder}/image.json`, "-q", "-o", `${folder}/old.tar`);
    writeFileSync(`${folder}/project/\x1b[31mred`, "");
    const text = await mustVarve("why", `${folder}/old.tar`, `${folder}/image.json`);
    assert.match(text, /new \\x1b\[31mred/);
    assert.ok(!text.includes("\x1b"));
  });

  it("ends with a sentence for a place or a spec that is wrong", async (t) => {
    const folder = await temporaryFolder(t);
    writeProject(`${folder}/project`);
    writeFileSync(`${folder}/image.json`, JSON.stringify({ name: "app", graph: "project" }));
    const spec = `${folder}/image.json`;
    for (const [content, wording] of [
      ["{}", /other\.json .* at name/],
      ["{", /other\.json is not valid JSON/],
      ["[]", /other\.json/],
    ] as const) {
      writeFileSync(`${folder}/other.json`, content);
      assertFailed(await varve(["why", spec, `${folder}/other.json`], { env }), wording);
    }
    assertFailed(await varve(["why", `${folder}/gone.tar`, spec], { env }), /gone\.tar: it does not exist/);
    const broken = readFileSync(spec);
    writeFileSync(`${folder}/broken.tar`, Buffer.concat([Buffer.from("x"), broken]));
    assertFailed(await varve(["why", spec, `${folder}/broken.tar`], { env }), /broken\.tar/);
  });
});
