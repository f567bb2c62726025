import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { build, plan } from "#app";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** A project with a large package and seven small ones. */
async function projectIn(t: TestContext) {
  const folder = await temporaryFolder(t);
  const sizes = { large: 3_000_000, ...Object.fromEntries([..."abcdefg"].map((name) => [name, 1000])) };
  const packages = Object.fromEntries(
    Object.keys(sizes).map((name) => [`node_modules/${name}`, { version: "1.0.0" }]),
  );
  const tree = Object.entries(sizes).map(([name, file]) => [
    name,
    { dir: { "package.json": { file: JSON.stringify({ name, version: "1.0.0" }) }, data: { file } } },
  ]);
  writeTree(`${folder}/app`, {
    dir: { "index.js": { file: "1" }, node_modules: { dir: Object.fromEntries(tree) } },
  });
  const lock = (changed: object = {}) =>
    writeFileSync(
      `${folder}/app/package-lock.json`,
      JSON.stringify({ lockfileVersion: 3, packages: { "": {}, ...packages, ...changed } }),
    );
  lock();
  const spec = { name: "app", graph: `${folder}/app` };
  const place = `oci:${folder}/image:1`;
  await build(spec, { to: [place] });
  const against = async () => {
    const { report, html } = await plan(spec, { against: [place] });
    const [comparison] = report.against;
    return { report, html, comparison: comparison! };
  };
  return { lock, against };
}

describe("a Node project's plan beside an image that lists few of its packages", () => {
  it("is there but for the project's own files", async (t) => {
    const { against } = await projectIn(t);
    const { comparison, html } = await against();
    assert.deepEqual(
      comparison.layers.map(({ there }) => there),
      [true, true, false],
    );
    assert.doesNotMatch(html(), /isn't planned/);
  });

  it("is there but for the layer of a package that has changed, of which it has the rest", async (t) => {
    const { lock, against } = await projectIn(t);
    lock({ "node_modules/c": { version: "1.0.1" } });
    const { comparison, report, html } = await against();
    assert.deepEqual(
      comparison.layers.map(({ there }) => there),
      [true, false, false],
    );
    const small = report.plan.layers[1]!;
    const size = small.components.find(({ name }) => name.startsWith("c"))!.size;
    assert.equal(comparison.layers[1]!.unchanged, small.size - size);
    assert.match(html(), /isn't planned/);
  });
});
