import assert from "node:assert/strict";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

/** Specs of two images of a store: one of six that are alike, and one of four of these and another. */
async function fleet(t: TestContext) {
  const folder = await temporaryFolder(t);
  const names = ["a-1", "b-1", "c-1", "d-1", "e-1", "f-1", "z-1"];
  for (const name of names) writeTree(`${folder}/${name}`, { dir: { data: { file: 100_000 } } });
  const save = (name: string, value: unknown) => writeFileSync(`${folder}/${name}`, JSON.stringify(value));
  const spec = (name: string, ...parts: string[]) => {
    save(
      `${name}-graph.json`,
      parts.map((part) => ({ path: `${folder}/${part}-1`, references: [] })),
    );
    save(`${name}.json`, { name, graph: `${name}-graph.json`, maxLayers: 4 });
  };
  spec("shop", "a", "b", "c", "d", "e", "f");
  spec("api", "a", "c", "d", "e", "z");
  const run = (...args: string[]) => varve(args, { cwd: folder });
  const plan = async (...args: string[]) => {
    const { code, stdout, stderr } = await run("plan", ...args);
    assert.equal(code, 0, stderr);
    return stdout.toString();
  };
  return { folder, run, plan, save };
}

describe("varve plan of several specs", () => {
  it("says what the images share, and what a registry holds of them", async (t) => {
    const { plan } = await fleet(t);
    const { fleet: together, plans } = JSON.parse(await plan("shop.json", "api.json", "--json"));
    const layers = plans.map(({ plan }: { plan: { layers: { components: { id: string }[] }[] } }) =>
      plan.layers.map(({ components }) => components.map(({ id }) => id.replace(/.*\//, "")).join(" ")),
    ) as string[][];
    const shared = layers[1]!.filter((layer) => layers[0]!.includes(layer));
    assert.ok(shared.length > 0, JSON.stringify(layers));
    const one = plans[1].size / 5;
    const packed = layers.flat().reduce((sum, layer) => sum + layer.split(" ").length, 0);
    const twice = shared.join(" ").split(" ").length;
    assert.deepEqual(together, {
      images: [
        {
          image: "shop",
          layers: 3,
          size: one * 6,
          shared: { layers: shared.length, bytes: one * twice },
          added: one * 6,
        },
        {
          image: "api",
          layers: 3,
          size: one * 5,
          shared: { layers: shared.length, bytes: one * twice },
          added: one * (5 - twice),
        },
      ],
      size: one * packed,
      held: one * (packed - twice),
      least: one * 7,
    });
    const text = await plan("shop.json", "api.json");
    assert.match(
      text,
      /^Fleet: {3}2 images, 1\.\d\d MB: a registry holds [\d.]+ \wB, 1\.\d\d times what is in them \(\d+ kB\)\n\nIMAGE +LAYERS +SIZE +SHARED +BYTES +ADDED\n/,
    );
    assert.equal(text.trimEnd().split("\n").length, 5);
  });

  it("writes one lock file for all, by which each is built, and keeps to it", async (t) => {
    const { folder, plan, run } = await fleet(t);
    const text = await plan("shop.json", "api.json", "--lock-file", "layers.lock.json");
    const lock = readFileSync(`${folder}/layers.lock.json`, "utf8");
    assert.deepEqual(Object.keys(JSON.parse(lock).images), ["api", "shop"]);
    const planned = JSON.parse(await plan("api.json", "--lock-file", "layers.lock.json", "--json"));
    const groups = planned.plan.layers.map(({ components }: { components: { id: string }[] }) =>
      components.map(({ id }) => id),
    );
    const args = ["build", "api.json", "--lock-file", "layers.lock.json", "-q", "-o", "oci:built:1"];
    assert.equal((await run(...args)).code, 0);
    const { layers } = JSON.parse((await run("inspect", "oci:built:1", "--json")).stdout.toString());
    assert.deepEqual(
      layers.slice(0, -1).map(({ components }: { components: string[] }) => components),
      groups,
    );
    assert.equal(readFileSync(`${folder}/layers.lock.json`, "utf8"), lock);
    assert.equal(await plan("shop.json", "api.json", "--lock-file", "layers.lock.json"), text);
    assert.equal(readFileSync(`${folder}/layers.lock.json`, "utf8"), lock);
  });

  it("refuses what is about one image, and what a lock file can't tell apart", async (t) => {
    const { folder, run, save } = await fleet(t);
    const failure = async (...args: string[]) => {
      const { code, stderr } = await run("plan", ...args);
      assert.notEqual(code, 0);
      return stderr;
    };
    assert.match(await failure("shop.json", "api.json", "--html", "page.html"), /--html.*one spec/);
    assert.match(await failure("shop.json", "api.json", "--against", "oci:x"), /--against.*one spec/);
    assert.equal(existsSync(`${folder}/page.html`), false);
    assert.match(
      await failure("shop.json", "shop.json", "--lock-file", "layers.lock.json"),
      /two of the images are called shop/,
    );
    save("one.lock.json", { version: 1, layers: [{ a: "a-1" }] });
    assert.match(
      await failure("shop.json", "api.json", "--lock-file", "one.lock.json"),
      /one\.lock\.json is the lock file of one image/,
    );
  });
});
