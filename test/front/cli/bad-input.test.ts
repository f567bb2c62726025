import assert from "node:assert/strict";
import { readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { describe, it, type TestContext } from "node:test";
import { brokenArchives, writeBroken } from "../../support/docker-archive.ts";
import { assertFailed } from "../../support/failure.ts";
import { writeProject } from "../../support/npm-project.ts";
import { storeOf, writeCase } from "../../support/stream-oracle.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

describe("a base image that is broken ends a command with a sentence, and no image", {
  concurrency: 2,
}, async () => {
  // The rest of them is tested on the reader alone: starting a program is what costs time.
  const chosen = [
    "a file that isn't there",
    "a text",
    "an archive cut in a layer",
    "an archive without manifest.json",
    "an archive with fewer diff IDs than layers",
    "an archive that lacks a layer",
    "an archive whose layers are links in a circle",
    "an archive with a layer in which a bit fell over",
  ];
  const archives = await brokenArchives();
  for (const [index, what] of chosen.entries()) {
    const broken = archives.get(what)!;
    const build = async (t: TestContext) => {
      const folder = await temporaryFolder(t);
      const base = writeBroken(folder, broken);
      // The archive is meant, even where its bytes don't say so.
      const spec = { name: "image", fromImage: `docker-archive:${base}` };
      writeFileSync(`${folder}/spec.json`, JSON.stringify(spec));
      const before = readdirSync(folder);
      const finished = await varve(["build", `${folder}/spec.json`, "--output", `${folder}/image.tar`]);
      assertFailed(finished, broken.wording);
      assertFailed(finished, new RegExp(base));
      assert.deepEqual(readdirSync(folder), before);
      assert.equal(finished.stdout.length, 0);
    };
    const stream = async (t: TestContext) => {
      const folder = await temporaryFolder(t);
      await mkdir(`${folder}/base`);
      const base = writeBroken(`${folder}/base`, broken);
      const conf = writeCase(`${folder}/case`, { conf: { from_image: base } });
      const finished = await varve(["stream", conf]);
      assertFailed(finished, broken.wording);
      assertFailed(finished, new RegExp(base));
      // What came before the fault is out; the end, without which it is no archive, isn't.
      assert.ok(!finished.stdout.includes("manifest.json"));
    };
    if (broken.late || index % 2 === 0) it(`varve build on ${what}`, build);
    if (broken.late || index % 2 === 1) it(`varve stream on ${what}`, stream);
  }
});

describe("a conf that is wrong ends varve stream with a sentence", { concurrency: 2 }, () => {
  it("when a field is missing or of a wrong type, naming it", async (t) => {
    const conf = writeCase(`${await temporaryFolder(t)}/case`, {});
    const fields = JSON.parse(readFileSync(conf, "utf8"));
    for (const repo_tag of [undefined, 1]) {
      writeFileSync(conf, JSON.stringify({ ...fields, repo_tag }));
      const finished = await varve(["stream", conf]);
      assertFailed(finished, /\brepo_tag\b/);
      assertFailed(finished, new RegExp(conf));
      assert.equal(finished.stdout.length, 0);
    }
  });

  for (const [what, text, wording] of [
    ["no JSON", '{"architecture": ', /JSON/],
    ["cut in a string", '{"architecture": "am', /JSON/],
    ["no object", "[1, 2]", /object/],
    ["empty", "", /JSON/],
  ] as const) {
    it(`when it is ${what}`, async (t) => {
      const conf = `${await temporaryFolder(t)}/conf.json`;
      writeFileSync(conf, text);
      const finished = await varve(["stream", conf]);
      assertFailed(finished, wording);
      assertFailed(finished, new RegExp(conf));
    });
  }

  it("when a time is none, naming the field", async (t) => {
    const conf = writeCase(`${await temporaryFolder(t)}/case`, { conf: { created: "yesterday" } });
    assertFailed(await varve(["stream", conf]), /\bcreated\b.*yesterday/);
  });

  it("when it isn't there, or is a folder", async (t) => {
    const folder = await temporaryFolder(t);
    assertFailed(
      await varve(["stream", `${folder}/gone`]),
      new RegExp(`cannot read ${folder}/gone: it does not exist`),
    );
    assertFailed(await varve(["stream", folder]), new RegExp(`cannot read ${folder}: it is a directory`));
  });
});

describe("a store that is wrong ends varve stream with a sentence", { concurrency: 2 }, () => {
  it("for a path that is missing", async (t) => {
    const folder = await temporaryFolder(t);
    const conf = writeCase(`${folder}/case`, { store: { a: { file: "" } }, layers: [["a"], ["gone"]] });
    const finished = await varve(["stream", conf]);
    assertFailed(finished, /cannot read .*\/gone: it does not exist/);
    assert.ok(!finished.stdout.includes("manifest.json"));
  });

  it("for a path outside of the store, whatever its name begins with", async (t) => {
    const folder = await temporaryFolder(t);
    const store = storeOf(`${folder}/case`);
    const conf = writeCase(`${folder}/case`, {});
    const fields = JSON.parse(readFileSync(conf, "utf8"));
    for (const path of [`${store}-other/x`, `${store}/../x`]) {
      writeFileSync(conf, JSON.stringify({ ...fields, store_layers: [[path]] }));
      const finished = await varve(["stream", conf]);
      assertFailed(finished, /is not in the store/);
      assert.ok(finished.stderr.includes(path));
      assert.equal(finished.stdout.length, 0);
    }
  });

  for (const [file, content, wording] of [
    ["checksum", "0123\n", /checksum has the digest/],
    ["checksum", `${"0".repeat(64)}\n`, /layer\.tar should have the digest/],
    ["layer.tar", undefined, /cannot read .*layer\.tar/],
  ] as const) {
    it(`for a customisation layer whose ${file} is ${content === undefined ? "missing" : JSON.stringify(content.slice(0, 8))}`, async (t) => {
      const folder = await temporaryFolder(t);
      const conf = writeCase(`${folder}/case`, {});
      if (content === undefined) rmSync(`${folder}/case/customisation/${file}`);
      else writeFileSync(`${folder}/case/customisation/${file}`, content);
      const finished = await varve(["stream", conf]);
      assertFailed(finished, wording);
      assert.ok(!finished.stdout.includes("manifest.json"));
    });
  }
});

describe("a spec or a graph that is wrong ends a command with a sentence", { concurrency: 2 }, () => {
  for (const [what, spec, wording] of [
    ["no JSON", "{", /spec\.json is not valid JSON/],
    ["no name", "{}", /spec\.json .* at name/],
    ["a graph that isn't there", '{"name": "x", "graph": "gone"}', /cannot read .*\/gone: it does not exist/],
    ["a graph that is none", '{"name": "x", "graph": "spec.json"}', /spec\.json is not a references graph/],
    [
      "contents that no component holds",
      '{"name": "x", "contents": ["/etc"]}',
      /\/etc, which is in no package and no store path/,
    ],
  ] as const) {
    it(`varve build for ${what}`, async (t) => {
      const folder = await temporaryFolder(t);
      writeFileSync(`${folder}/spec.json`, spec);
      const finished = await varve(["build", `${folder}/spec.json`, "-o", `${folder}/image.tar`]);
      assertFailed(finished, wording);
      assert.deepEqual(readdirSync(folder), ["spec.json"]);
    });
  }

  it("varve layers for a dangling reference, naming both ends", async (t) => {
    const graph = `${await temporaryFolder(t)}/graph.json`;
    writeFileSync(graph, JSON.stringify([{ path: "/nix/store/a", references: ["/nix/store/b"] }]));
    const finished = await varve(["layers", graph]);
    assertFailed(finished, /\/nix\/store\/a refers to \/nix\/store\/b, which is not in it/);
    assertFailed(finished, new RegExp(graph));
    assert.equal(finished.stdout.length, 0);
  });

  it("varve layers for a budget that the base has used up, in nixpkgs' words", async (t) => {
    const folder = await temporaryFolder(t);
    writeProject(`${folder}/project`);
    writeFileSync(`${folder}/spec.json`, '{"name": "base", "graph": "project"}');
    assert.equal((await varve(["build", `${folder}/spec.json`, "-o", `${folder}/base.tar`])).code, 0);
    const args = ["layers", `${folder}/project`, "--from-image", `${folder}/base.tar`, "--max-layers"];
    const finished = await varve([...args, "2"]);
    assert.equal(finished.code, 1);
    assert.equal(
      finished.stderr,
      "Error: usedLayers 2 layers to store 'fromImage' and 'extraCommands', but only maxLayers=2 were allowed. At least 1 layer is required to store contents.\n",
    );
    assert.equal(JSON.parse((await varve([...args, "3"])).stdout.toString()).length, 1);
  });
});
