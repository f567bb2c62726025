import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

describe("varve build groups components", { concurrency: 2 }, () => {
  const scope = stacked({ after });
  let folder: string;
  before(async () => {
    folder = await temporaryFolder(scope);
    const entry = (name: string, size: number, ...references: string[]) => {
      writeTree(`${folder}/${name}`, { dir: { data: { file: size } } });
      return { path: `${folder}/${name}`, references: references.map((each) => `${folder}/${each}`) };
    };
    save("graph.json", [
      entry("libc-2", 300_000),
      entry("data-1", 5_000_000),
      entry("lib-1", 50_000, "libc-2"),
      entry("app-1", 10_000, "lib-1", "data-1"),
      entry("tool-1", 10_000, "libc-2"),
    ]);
    save("spec.json", { name: "image", tag: "1", graph: "graph.json", maxLayers: 4 });
    save("pipeline.json", [["popularity_contest"], ["reverse"], ["limit_layers", 2]]);
    save("with-pipeline.json", { name: "image", graph: "graph.json", layeringPipeline: "pipeline.json" });
    save("weights.json", { data: 1_000_000 });
  });

  const save = (name: string, value: unknown) => writeFileSync(`${folder}/${name}`, JSON.stringify(value));
  const run = (...args: string[]) => varve(args, { cwd: folder });
  async function layersOf(place: string): Promise<string[]> {
    const { stdout } = await run("inspect", place, "--json");
    const { layers } = JSON.parse(stdout.toString()) as { layers: { components: string[] }[] };
    const names = layers.map(({ components }) =>
      components.map((id) => id.slice(folder.length + 1)).join(" "),
    );
    return names.slice(0, -1);
  }
  let count = 0;
  async function built(...args: string[]): Promise<string[]> {
    const place = `oci:${folder}/layout:t${count++}`;
    const { code, stderr } = await run("build", ...args, "-q", "-o", place);
    assert.equal(code, 0, stderr);
    return layersOf(place);
  }

  const byDefault = ["data-1", "libc-2", "app-1 lib-1 tool-1"];
  const byPopularity = ["libc-2", "data-1", "lib-1 app-1 tool-1"];

  it("by steady unless it is told otherwise, and an option counts more than the spec", async () => {
    assert.deepEqual(await built("spec.json"), byDefault);
    assert.deepEqual(await built("spec.json", "--strategy", "popularity"), byPopularity);
    assert.deepEqual((await built("spec.json", "--weights", "weights.json")).at(-1), "app-1");
    const piped = await built("spec.json", "--pipeline", "pipeline.json");
    assert.equal(piped.length, 2);
    assert.deepEqual(await built("with-pipeline.json"), piped);
    assert.equal((await built("with-pipeline.json", "--strategy", "largest")).length, 5);
    const { code, stderr } = await run(
      "build",
      "spec.json",
      "--strategy",
      "leader",
      "--pipeline",
      "pipeline.json",
    );
    assert.deepEqual([code, /cannot be used with/.test(stderr)], [2, true]);
  });

  it("as in the last image, or in a lock file, which it writes anew", async () => {
    save("other-lock.json", {
      version: 1,
      layers: [{ data: "data-1", tool: "tool-1" }, { libc: "libc-2" }, { app: "app-1", lib: "lib-1" }],
    });
    const together = ["app-1 lib-1", "data-1 tool-1", "libc-2"];
    const weighted = ["spec.json", "--weights", "weights.json"];
    assert.deepEqual((await built(...weighted, "--layers-from", "other-lock.json")).toSorted(), together);
    assert.deepEqual((await built(...weighted, "--lock-file", "other-lock.json")).toSorted(), together);
    const written = JSON.parse(readFileSync(`${folder}/other-lock.json`, "utf8")) as { layers: object[] };
    assert.deepEqual(written.layers.map((layer) => Object.keys(layer).join(" ")).toSorted(), [
      "app lib",
      "data tool",
      "libc",
    ]);
    const last = [...weighted, "--layers-from", "other-lock.json", "-q", "-o", "oci:last:1"];
    assert.equal((await run("build", ...last)).code, 0);
    assert.deepEqual((await built(...weighted, "--layers-from", "oci:last:1")).toSorted(), together);
    assert.notDeepEqual((await built(...weighted)).toSorted(), together);
    // What varve why builds keeps to it, too.
    save("next.json", {
      name: "image",
      tag: "2",
      graph: "graph.json",
      maxLayers: 4,
      weights: "weights.json",
      layersFrom: "oci:last:1",
    });
    const { stdout } = await run("why", "oci:last:1", "next.json");
    assert.equal(stdout.toString(), "Nothing differs: pushing it sends nothing.\n");
  });

  it("and fails without an image if the layout that is asked for isn't there, and writes no lock file then", async () => {
    for (const [from, wording] of [
      ["oci:gone", /gone/],
      ["weights.json", /weights\.json isn't as it should be/],
    ] as const) {
      const args = [
        "build",
        "spec.json",
        "-o",
        "none.tar",
        "--layers-from",
        from,
        "--lock-file",
        "none.json",
      ];
      const { code, stderr } = await run(...args);
      assert.equal(code, 1);
      assert.match(stderr, wording);
      assert.deepEqual([existsSync(`${folder}/none.tar`), existsSync(`${folder}/none.json`)], [false, false]);
    }
  });
});
