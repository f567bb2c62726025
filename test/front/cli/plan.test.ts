import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import type { PlanReport } from "../../../src/front/report/plan/report.ts";
import { writeProject } from "../../support/npm-project.ts";
import { storePath as path, STORE_GRAPH } from "../../support/store-graph.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

describe("varve plan", { concurrency: 2 }, () => {
  const scope = stacked({ after });
  let folder: string;
  before(async () => {
    folder = await temporaryFolder(scope);
    save("graph.json", STORE_GRAPH);
    writeProject(`${folder}/project`);
    // A store whose files are here, in two versions that differ in one component and in who needs it.
    const component = (name: string, size: number) =>
      writeTree(`${folder}/${name}`, { dir: { data: { file: size } } });
    for (const [name, size] of Object.entries({ base: 90_000, "leaf-1": 40_000, "leaf-2": 40_000 }))
      component(name, size);
    for (const name of ["other", "app-1", "app-2"]) component(name, 20_000);
    const store = (version: string) => [
      { path: `${folder}/base`, references: [] },
      { path: `${folder}/leaf-${version}`, references: [] },
      { path: `${folder}/other`, references: [`${folder}/base`] },
      { path: `${folder}/app-${version}`, references: [`${folder}/base`, `${folder}/leaf-${version}`] },
    ];
    for (const version of ["1", "2"]) {
      save(`store-${version}.json`, store(version));
      save(`spec-${version}.json`, { name: "shop", tag: version, graph: `store-${version}.json` });
    }
  });

  const save = (name: string, value: unknown) => writeFileSync(`${folder}/${name}`, JSON.stringify(value));
  async function plan(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await varve(["plan", ...args], { cwd: folder });
    assert.equal(code, 0, stderr);
    return stdout.toString();
  }
  const json = async (...args: string[]) => JSON.parse(await plan(...args, "--json")) as PlanReport;

  it("shows the layers of a graph, what touches them, and what an update sends by each strategy", async () => {
    assert.equal(
      await plan("graph.json", "--max-layers", "4"),
      `Plan:    a graph of nix: 5 components, 537 MB, grouped by steady
Budget:  4 layers at most: 1 of the customisation, 3 of components; none left
Note:    the files of 5 components aren't on this machine, so NAR sizes stand in for theirs

LAYER     SIZE  SHARE  COMPONENTS  LARGEST  TOUCHED BY
    1   500 MB    93%           1  data-1   20% of updates: data
    2  30.0 MB   5.6%           1  libc-2   20% of updates: libc
    3  7.00 MB   1.3%           3  lib-1    100% of updates: app, lib, tool and 2 more

An update changes one of 5 units. It sends again, on average:

GROUPED BY             LAYERS   BYTES  OF THE FLOOR
steady                      3  113 MB         1.03x
leader                      3  113 MB         1.03x
auto                        3  113 MB         1.03x
popularity                  3  113 MB         1.03x
largest                     3  113 MB         1.03x
one component a layer       5  109 MB         1.00x
`,
    );
  });

  it("counts exactly what an update sends: each layer's bytes times the share of updates that touch it", async () => {
    const { plan: own, floor, units, others } = await json("graph.json", "--max-layers", "4");
    assert.equal(own.resent, (500e6 * 1 + 30e6 * 1 + 7e6 * 5) / 5);
    assert.equal(floor, (500e6 * 1 + 30e6 * 1 + 5e6 * 2 + 1e6 * 4 + 1e6 * 2) / 5);
    assert.deepEqual(
      [units, others.map(({ name }) => name)],
      [5, ["leader", "auto", "popularity", "largest"]],
    );
    save("weights.json", { data: 96 });
    const weighted = await json("graph.json", "--max-layers", "4", "--weights", "weights.json");
    assert.equal(weighted.floor, (500e6 * 96 + 30e6 * 1 + 5e6 * 2 + 1e6 * 99 + 1e6 * 2) / 100);
  });

  it("groups as it is told, and compares with the other strategies", async () => {
    const names = async (...args: string[]) => {
      const { plan: own, others } = await json("graph.json", "--max-layers", "3", ...args);
      return [own, ...others].map(({ name }) => name);
    };
    assert.deepEqual(await names("--strategy", "popularity"), [
      "popularity",
      "steady",
      "leader",
      "auto",
      "largest",
    ]);
    save("pipeline.json", [["popularity_contest"], ["limit_layers", 2]]);
    assert.deepEqual(await names("--pipeline", "pipeline.json"), [
      "pipeline",
      "steady",
      "leader",
      "auto",
      "popularity",
      "largest",
    ]);
    save("lock.json", { version: 1, layers: [{ data: "" }] });
    assert.deepEqual(await names("--layers-from", "lock.json"), [
      "steady, with the last layout",
      "steady",
      "leader",
      "auto",
      "popularity",
      "largest",
    ]);
  });

  it("takes a spec with its fields, whose layers are those of the build", async () => {
    const report = await json("spec-1.json");
    assert.equal(report.image, "shop:1");
    assert.deepEqual(report.budget, { maxLayers: 100, base: 0, customisation: 1, available: 99, used: 4 });
    assert.equal((await varve(["build", "spec-1.json", "-o", "built.tar"], { cwd: folder })).code, 0);
    const { stdout } = await varve(["inspect", "built.tar", "--json"], { cwd: folder });
    const { layers } = JSON.parse(stdout.toString()) as { layers: { components: string[] }[] };
    assert.deepEqual(
      report.plan.layers.map(({ components }) => components.map(({ id }) => id)),
      layers.slice(0, -1).map(({ components }) => components),
    );
    const onBase = await json("spec-2.json", "--from", "built.tar", "--max-layers", "8");
    assert.deepEqual(onBase.budget, { maxLayers: 8, base: 5, customisation: 1, available: 2, used: 2 });
    assert.deepEqual(
      onBase.plan.layers.map(({ number }) => number),
      [6, 7],
    );
  });

  it("says what of it an image has", async () => {
    assert.equal((await varve(["build", "spec-1.json", "-o", "oci:last"], { cwd: folder })).code, 0);
    const { against, plan: own } = await json("spec-2.json", "--against", "oci:last");
    const [comparison] = against;
    const sent = own.layers.filter((_, at) => comparison?.layers[at]?.there === false);
    assert.deepEqual(sent.flatMap(({ components }) => components.map(({ name }) => name)).toSorted(), [
      "app-2",
      "leaf-2",
    ]);
    assert.deepEqual(comparison?.sent, { layers: 2, bytes: sent.reduce((sum, { size }) => sum + size, 0) });
    assert.equal(comparison?.there.layers, 2);
    const text = await plan("spec-2.json", "--against", "oci:last");
    assert.match(
      text,
      /oci:last has 2 of 4 layers of components \(\d+ kB\): 2 layers, 6\d\.\d kB, would be sent/,
    );
    assert.match(text, / {2}yes$/m);
    const together = await json(
      "spec-2.json",
      "--max-layers",
      "3",
      "--strategy",
      "popularity",
      "--against",
      "oci:last",
    );
    assert.deepEqual(
      together.against[0]?.layers.map(({ there }) => there),
      [true, false],
    );
    assert.ok(together.against[0].layers[1]!.unchanged > 20_000);
  });

  it("takes an npm project, whose own files count as changed", async () => {
    save("project.json", { name: "project", graph: "project" });
    assert.equal(
      (await varve(["build", "project.json", "-o", "oci:project-image"], { cwd: folder })).code,
      0,
    );
    const { against, graph, plan: own } = await json("project", "--against", "oci:project-image");
    assert.equal(graph, "npm");
    const there = own.layers.filter((_, at) => against[0]?.layers[at]?.there);
    assert.deepEqual(there.flatMap(({ components }) => components.map(({ id }) => id)).toSorted(), [
      "node_modules/base",
      "node_modules/dep",
    ]);
  });

  it("counts nothing that stays out of a project's image as its own", async () => {
    const own = { dir: { "index.js": { file: 300 }, "package.json": { file: '{ "name": "own" }' } } };
    const packages = { lockfileVersion: 3, packages: {} };
    const modules = { dir: { ".package-lock.json": { file: JSON.stringify(packages) } } };
    writeTree(`${folder}/own`, { dir: { ...own.dir, node_modules: modules } });
    const before = await json("own");
    for (const place of ["own/node_modules/.cache", "own/coverage", "own/.turbo"])
      writeTree(`${folder}/${place}`, { dir: { large: { file: 500_000 } } });
    writeFileSync(`${folder}/own/.env`, "A=1\n");
    const now = await json("own");
    assert.equal(now.size, before.size);
    assert.deepEqual(now.changes, before.changes);
  });

  it("writes a page in place of the table, the same each time, and not into the project it is in", async () => {
    const before = (await json("project")).size;
    assert.equal(await plan("project", "--html", "project/plan.html"), "");
    const page = readFileSync(`${folder}/project/plan.html`, "utf8");
    assert.match(page, /^<!doctype html>\n<html lang="en">/);
    assert.equal(await plan("project", "--html", "project/plan.html"), "");
    assert.equal(readFileSync(`${folder}/project/plan.html`, "utf8"), page);
    assert.equal((await json("project", "--html", "project/plan.html")).size, before);
  });

  it("fails with one sentence, and leaves no page", async () => {
    const failure = async (...args: string[]) => {
      const { code, stdout, stderr } = await varve(["plan", ...args, "--html", "none.html"], { cwd: folder });
      assert.deepEqual([code, stdout.toString(), existsSync(`${folder}/none.html`)], [1, "", false]);
      return stderr;
    };
    assert.match(await failure("gone.json"), /^Error: cannot read gone\.json: it does not exist\n$/);
    save("wrong.json", { name: "x", grpah: "graph.json" });
    assert.match(await failure("wrong.json"), /^Error: wrong\.json isn't as it should be.*grpah/);
    assert.match(await failure("graph.json", "--from-image", "oci:nothing"), /^Error: .*nothing/);
    assert.match(await failure("graph.json", "--against", "oci:nothing"), /^Error: .*nothing/);
  });

  it("takes a graph in an object that has a name, too", async () => {
    save("attrs.json", {
      name: "x",
      builder: "/bin/sh",
      closure: [{ path: path("a"), narSize: 5, references: [] }],
    });
    assert.equal((await json("attrs.json")).components, 1);
    save("keyed.json", { name: "x", closure: [{ path: path("a"), narSize: 5, references: [] }] });
    assert.equal((await json("keyed.json", "--key", "closure")).components, 1);
  });
});
