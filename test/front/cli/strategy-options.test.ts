import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

const LETTERS = { name: "letters", graph: "letters-graph.json", maxLayers: 3 };

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
    // Four that are alike, so that any two go together as well as others.
    const letters = ["a-1", "b-1", "c-1", "d-1"].map((name) => entry(name, 100_000));
    save("letters-graph.json", letters);
    save("letters.json", LETTERS);
    save("pair-graph.json", [letters[0], letters[3]]);
    save("pair.json", { name: "pair", graph: "pair-graph.json", maxLayers: 2 });
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

  it("beside another image, whose layers it has as they are where all of them is in it", async () => {
    const other = "pair:1";
    await run("build", "pair.json", "-q", "-o", `oci:${folder}/${other}`);
    assert.deepEqual(await layersOf(`oci:${folder}/${other}`), ["a-1 d-1"]);
    assert.deepEqual((await built("letters.json")).toSorted(), ["a-1 c-1 d-1", "b-1"]);
    const shared = ["a-1 d-1", "b-1 c-1"];
    const sorted = async (...args: string[]) => (await built(...args)).toSorted();
    assert.deepEqual(await sorted("letters.json", "--shared-with", `oci:${folder}/${other}`), shared);
    save("shared.json", { ...LETTERS, sharedWith: [`oci:${other}`] });
    assert.deepEqual(await sorted("shared.json"), shared);
    save("other-layers.json", { version: 1, layers: [{ a: "a-1", d: "d-1" }] });
    assert.deepEqual(await sorted("letters.json", "--shared-with", "other-layers.json"), shared);
    const { code, stderr } = await run("build", "spec.json", "--shared-with", "oci:gone:1", "-o", "none.tar");
    assert.deepEqual([code, /gone/.test(stderr)], [1, true]);
  });

  it("as in its part of a lock file for several images, beside the others in it", async () => {
    save("fleet.lock.json", {
      version: 3,
      images: { other: [{ a: "a-1", d: "d-1" }], third: [{ c: "c-9" }] },
    });
    const shared = ["a-1 d-1", "b-1 c-1"];
    assert.deepEqual((await built("letters.json", "--lock-file", "fleet.lock.json")).toSorted(), shared);
    const written = readFileSync(`${folder}/fleet.lock.json`, "utf8");
    assert.equal(
      written,
      `{
  "version": 3,
  "images": {
    "letters": [
      {"a":"a-1","d":"d-1"},
      {"b":"b-1","c":"c-1"}
    ],
    "other": [
      {"a":"a-1","d":"d-1"}
    ],
    "third": [
      {"c":"c-9"}
    ]
  }
}
`,
    );
    assert.deepEqual((await built("letters.json", "--lock-file", "fleet.lock.json")).toSorted(), shared);
    assert.equal(readFileSync(`${folder}/fleet.lock.json`, "utf8"), written);
    save("twice.lock.json", { version: 3, images: { letters: [{ libc: "1" }, { libc: "1" }] } });
    const { stderr } = await run("build", "letters.json", "--lock-file", "twice.lock.json", "-o", "none.tar");
    assert.match(stderr, /twice\.lock\.json, of letters, has "libc" in two layers/);
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
