import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { writeProject } from "../../support/npm-project.ts";
import { storePath as path, STORE_GRAPH } from "../../support/store-graph.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { varve } from "../../support/varve.ts";

describe("varve layers", { concurrency: 2 }, () => {
  const scope = stacked({ after });
  let folder: string;
  before(async () => {
    folder = await temporaryFolder(scope);
    writeProject(`${folder}/project`);
    save("graph.json", STORE_GRAPH);
  });

  const save = (name: string, value: unknown) => writeFileSync(`${folder}/${name}`, JSON.stringify(value));
  const layers = (...args: string[]) => varve(["layers", ...args], { cwd: folder });
  async function plan(...args: string[]): Promise<string[]> {
    const { code, stdout, stderr } = await layers(...args);
    assert.equal(code, 0, stderr);
    const groups = JSON.parse(stdout.toString()) as string[][];
    return groups.map((ids) => ids.map((id) => id.slice(id.lastIndexOf("/") + 34)).join(" "));
  }
  async function failure(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await layers(...args);
    assert.equal(stdout.toString(), "");
    assert.ok(code === 1 || code === 2);
    return stderr;
  }

  it("plans by the strategy that is named, and by auto without one", async () => {
    const budget = ["graph.json", "--max-layers", "4"];
    const popular = ["libc-2", "data-1", "lib-1 app-1 tool-1"];
    const byAuto = ["libc-2", "data-1", "app-1 lib-1 tool-1"];
    assert.deepEqual(await plan(...budget), byAuto);
    assert.deepEqual(await plan(...budget, "--strategy", "auto"), byAuto);
    // What is left out isn't among the layers, but was while they were planned.
    const exclude = ["--exclude", path("data-1")];
    assert.deepEqual(await plan(...budget, ...exclude), ["libc-2", "app-1 lib-1 tool-1"]);
    assert.deepEqual(await plan(...budget, "--strategy", "popularity"), popular);
    assert.deepEqual(await plan(...budget, "--strategy", "largest"), [
      "data-1",
      "libc-2",
      "app-1 lib-1 tool-1",
    ]);
    assert.deepEqual(await plan(...budget, "--strategy", "leader"), [
      "data-1",
      "libc-2",
      "app-1 lib-1 tool-1",
    ]);
    assert.match(
      await failure(...budget, "--strategy", "best"),
      /Allowed choices are steady, leader, auto, popularity, largest/,
    );
  });

  it("says what to do where neither the graph nor the machine tells a store path's size", async () => {
    const unsized = STORE_GRAPH.map(({ path, references }) => ({ path, references }));
    save("unsized.json", unsized);
    assert.match(
      await failure("unsized.json"),
      /^Error: the references graph doesn't say how large \S+ is, and it isn't on this machine; write the graph with sizes \(nix path-info --json --recursive\), or take the strategy popularity/,
    );
    assert.equal((await plan("unsized.json", "--strategy", "popularity")).length, unsized.length);
  });

  it("takes sizes from the files where the graph has none", async () => {
    writeFileSync(`${folder}/project/node_modules/dep/large`, Buffer.alloc(100_000));
    const groups = JSON.parse(
      (await layers("project", "--strategy", "largest", "--max-layers", "3")).stdout.toString(),
    );
    assert.deepEqual(groups[0], ["node_modules/dep"]);
    save("gone.json", [{ path: path("gone-1"), references: [] }]);
    assert.match(
      await failure("gone.json", "--strategy", "leader"),
      /the references graph doesn.t say how large .*gone-1 is/,
    );
    assert.match(await failure("gone.json"), /the references graph doesn.t say how large .*gone-1 is/);
    // Popularity asks for none.
    assert.deepEqual(await plan("gone.json", "--strategy", "popularity"), ["gone-1"]);
  });

  it("does what a pipeline says", async () => {
    const pipeline = [
      ["subcomponent_out", [path("lib-1")]],
      ["over", "rest", ["popularity_contest"]],
    ];
    save("pipeline.json", pipeline);
    assert.deepEqual(await plan("graph.json", "--pipeline", "pipeline.json"), [
      "lib-1 libc-2",
      "data-1",
      "app-1",
      "tool-1",
    ]);
    save("wrong.json", [["over", "rest", ["popularity"]]]);
    assert.match(
      await failure("graph.json", "--pipeline", "wrong.json"),
      /^Error: the layering pipeline wrong\.json, step 1, "over", names an operation "popularity", but there are only /,
    );
    assert.match(
      await failure("graph.json", "--pipeline", "none.json"),
      /cannot read none\.json: it does not exist/,
    );
    assert.match(
      await failure("graph.json", "--pipeline", "pipeline.json", "--strategy", "leader"),
      /'--pipeline <file>' cannot be used with option '--strategy <name>'/,
    );
    assert.match(
      await failure("graph.json", "--pipeline", "pipeline.json", "--max-layers", "4"),
      /makes 4 layers of which 3 are available/,
    );
  });

  it("keeps to the layout of an earlier plan, and to weights", async () => {
    const budget = ["graph.json", "--max-layers", "4", "--strategy", "leader"];
    const before = await plan(...budget, "--layers-to", "layers.lock.json");
    const lock = readFileSync(`${folder}/layers.lock.json`, "utf8");
    assert.deepEqual(
      (JSON.parse(lock) as { layers: object[] }).layers.map((layer) => Object.keys(layer).join(" ")),
      ["data", "libc", "app lib tool"],
    );
    assert.deepEqual(await plan(...budget, "--layers-from", "layers.lock.json"), before);
    // Another grouping is kept, too, as long as twenty updates don't make up for sending it anew.
    const hash = "0123456789abcdfg";
    save("other.json", {
      version: 1,
      layers: [{ data: hash }, { libc: hash, lib: hash }, { app: hash, tool: hash }],
    });
    save("weights.json", { data: 1_000_000 });
    const kept = await plan(...budget, "--layers-from", "other.json", "--weights", "weights.json");
    assert.deepEqual(kept.toSorted(), ["app-1 tool-1", "data-1", "lib-1 libc-2"]);
    assert.match(
      await failure(...budget, "--layers-from", "weights.json"),
      /^Error: weights\.json isn't as it should be/,
    );
    assert.match(
      await failure(...budget, "--weights", "other.json"),
      /^Error: other\.json isn't as it should be/,
    );
  });

  it("says that an image has no layout to keep to", async () => {
    save("spec.json", { name: "example", tag: "v1", graph: "project" });
    assert.equal((await varve(["build", "spec.json", "-o", "image.tar"], { cwd: folder })).code, 0);
    assert.match(
      await failure("graph.json", "--strategy", "leader", "--layers-from", "image.tar"),
      /^Error: image\.tar has no annotation dev\.varve\.layout, so there is no layout to keep to/,
    );
  });
});
