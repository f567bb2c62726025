import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { mustRun } from "../support/process.ts";
import { requirePython } from "../support/python.ts";
import { requires } from "../support/systems.ts";
import { stacked } from "../support/tmp.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { type NixImages, startNixImages, type WantedImage } from "./support/nix-images.ts";

const oracle = fileURLToPath(new URL("../oracle/stream_image.py", import.meta.url));

describe("images of a real Nix closure in a real Docker Engine", {
  skip: requires("nix", "docker", "python"),
}, () => {
  const scope = stacked({ after });
  let images: NixImages;
  let docker: Dockerd;

  before(async () => {
    images = await startNixImages(scope);
    docker = await startDockerd(scope);
  });

  async function layersOf(image: string): Promise<readonly string[]> {
    return (await docker.inspect(image)).RootFS.Layers;
  }

  it("plans a layer for every component of the closure", async () => {
    const { graph, closure } = images.grandchild;
    const plan = await images.planLayers(graph);
    assert.equal(closure.length, 5);
    assert.deepEqual(plan.flat().sort(), [...closure].sort());
    assert.ok(plan.every((layer) => layer.length === 1));
  });

  it("streams images byte for byte as CPython writes them, with and without a base", async () => {
    const below = await images.stream({ name: "below", program: images.base, env: ["WHO=sea"] });
    const fromImage = below.archive;
    const above = await images.stream({ name: "above", program: images.child, env: ["B=2"], fromImage });
    for (const { conf, archive } of [below, above]) {
      const expected = `${archive}.oracle`;
      await images.nix.run([requirePython(), oracle, conf], { stdoutFile: expected });
      await mustRun(["cmp", expected, archive]);
    }
  });

  it("streams an image that loads and runs", async () => {
    const wanted = { name: "streamed", program: images.base, env: ["WHO=sea"] };
    await docker.load((await images.stream(wanted)).archive);
    assert.equal(await docker.output("streamed:1"), "Hello, sea!\n");
    const { RepoTags, RootFS } = await docker.inspect("streamed:1");
    assert.deepEqual(RepoTags, ["streamed:1"]);
    assert.equal(RootFS.Layers.length, images.base.closure.length + 1);
  });

  it("builds from a spec an image that loads and runs, with the store layers of the streamed one", async () => {
    const wanted = { program: images.base, env: ["WHO=shore"] };
    const streamed = await images.stream({ name: "spec-streamed", ...wanted });
    await docker.load(streamed.archive);
    await docker.load(await images.build({ name: "spec-built", ...wanted }));

    assert.equal(await docker.output("spec-built:1"), "Hello, shore!\n");
    // `contents` makes it a program under /bin, too.
    assert.equal(await docker.output("spec-built:1", ["/bin/base-app"]), "Hello, shore!\n");
    const [built, other] = [await layersOf("spec-built:1"), await layersOf("spec-streamed:1")];
    assert.deepEqual(built.slice(0, -1), other.slice(0, -1));
  });

  const ways = {
    stream: async (wanted: WantedImage) => (await images.stream(wanted)).archive,
    build: async (wanted: WantedImage) => images.build(wanted),
  };
  for (const [verb, make] of Object.entries(ways)) {
    it(`stacks images with fromImage: layers are shared, the environment inherited (varve ${verb})`, async () => {
      const names = [`${verb}-parent`, `${verb}-child`, `${verb}-grandchild`] as const;
      const [parent, child, grandchild] = names.map((name) => `${name}:1`) as [string, string, string];
      const parentArchive = await make({
        name: names[0],
        program: images.base,
        env: ["FIRST=1", "WHO=parent", "KEPT=yes"],
      });
      const childArchive = await make({
        name: names[1],
        program: images.child,
        env: ["NEW=2", "WHO=nobody", "WHO=child"],
        fromImage: parentArchive,
      });
      const grandchildArchive = await make({
        name: names[2],
        program: images.grandchild,
        env: ["FIRST=3", "NEWEST=4"],
        fromImage: childArchive,
      });
      for (const archive of [parentArchive, childArchive, grandchildArchive]) await docker.load(archive);

      assert.equal(await docker.output(parent), "Hello, parent!\n");
      assert.equal(await docker.output(child), "Hello, child the child!\n");
      assert.equal(await docker.output(grandchild), "Hello, child the child!\nand child the grandchild\n");
      // What came with the first image runs in the last one.
      assert.equal(await docker.output(grandchild, [images.base.command]), "Hello, child!\n");

      assert.deepEqual((await docker.inspect(parent)).Config.Env, ["FIRST=1", "WHO=parent", "KEPT=yes"]);
      assert.deepEqual((await docker.inspect(child)).Config.Env, [
        "FIRST=1",
        "WHO=child",
        "KEPT=yes",
        "NEW=2",
      ]);
      assert.deepEqual((await docker.inspect(grandchild)).Config.Env, [
        "FIRST=3",
        "WHO=child",
        "KEPT=yes",
        "NEW=2",
        "NEWEST=4",
      ]);

      const [parentLayers, childLayers] = [await layersOf(parent), await layersOf(child)];
      const grandchildLayers = await layersOf(grandchild);
      assert.ok(parentLayers.length < childLayers.length && childLayers.length < grandchildLayers.length);
      assert.deepEqual(childLayers.slice(0, parentLayers.length), parentLayers);
      assert.deepEqual(grandchildLayers.slice(0, childLayers.length), childLayers);
    });

    it(`makes exactly 4 layers with maxLayers = 4 on a base of 2 (varve ${verb})`, async () => {
      const names = [`${verb}-two`, `${verb}-four`] as const;
      const two = await make({ name: names[0], program: images.base, env: [], maxLayers: 2 });
      const four = await make({
        name: names[1],
        program: images.grandchild,
        env: ["WHO=all"],
        fromImage: two,
        maxLayers: 4,
      });
      for (const archive of [two, four]) await docker.load(archive);

      const [twoLayers, fourLayers] = [await layersOf(`${names[0]}:1`), await layersOf(`${names[1]}:1`)];
      assert.equal(twoLayers.length, 2);
      assert.equal(fourLayers.length, 4);
      assert.deepEqual(fourLayers.slice(0, 2), twoLayers);
      assert.equal(await docker.output(`${names[1]}:1`), "Hello, all the child!\nand all the grandchild\n");
    });
  }
});
