import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { plan } from "#app";
import { planText } from "#report";
import { STORE_GRAPH } from "../../support/store-graph.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

/** A project with packages of these sizes, all in the same version. */
async function projectIn(t: TestContext, sizes: Readonly<Record<string, number>>) {
  const folder = await temporaryFolder(t);
  const packages = Object.keys(sizes).map((name) => [`node_modules/${name}`, { version: "1.0.0" }]);
  const tree = Object.entries(sizes).map(([name, file]) => [
    name,
    { dir: { "package.json": { file: JSON.stringify({ name, version: "1.0.0" }) }, data: { file } } },
  ]);
  const lock = { lockfileVersion: 3, packages: { "": {}, ...Object.fromEntries(packages) } };
  writeTree(`${folder}/app`, {
    dir: {
      "index.js": { file: "1" },
      "package-lock.json": { file: JSON.stringify(lock) },
      node_modules: { dir: Object.fromEntries(tree) },
    },
  });
  return { name: "app", graph: `${folder}/app` };
}

describe("what a plan says first of a Node project", () => {
  it("is what a change of the code and of one package costs, for each engine", async (t) => {
    const spec = await projectIn(t, { large: 3_000_000, middle: 400_000, small: 900 });
    const { report, html } = await plan(spec);
    const layers = report.plan.layers.map(({ size }) => size);
    const top = layers.at(-1)!;
    const { code, dependency } = report.changes!;
    // The project's own layer is on top, so each engine has what is below it.
    assert.equal(code!.sent, top);
    for (const engine of ["docker", "podman", "containerd"] as const) {
      assert.equal(code![engine].bytes, top);
      assert.ok(code![engine].seconds > 0 && code![engine].seconds <= dependency![engine].seconds);
    }
    assert.equal(dependency!.podman.bytes, dependency!.sent);
    assert.equal(dependency!.containerd.bytes, dependency!.sent);
    assert.equal(dependency!.sent, report.plan.resent);
    // With a graph driver everything above is pulled, too.
    assert.ok(dependency!.docker.bytes > dependency!.sent + top);
    const [first, second] = planText(report).split("\n");
    assert.match(
      first!,
      /^Your code: {7}a change is [\d.]+ kB for each engine: Docker \(classic store\) [\d.]+ s, podman [\d.]+ s, containerd [\d.]+ s$/,
    );
    assert.match(
      second!,
      /^One dependency: {2}a change is [\d.]+ MB for Docker \(classic store\), [\d.]+ s; [\d.]+ \wB for podman, [\d.]+ s, and containerd, [\d.]+ s$/,
    );
    const text = html().replaceAll(/<\/?b>/g, "");
    for (const line of [first!, second!]) assert.ok(text.includes(line.replace(/^.*: {2,}/, "")), line);
  });

  it("shows the project as touched by nearly all updates, and packages by shares of theirs", async (t) => {
    const spec = await projectIn(t, { large: 3_000_000, middle: 400_000, small: 900 });
    const { report, html } = await plan(spec);
    const layers = report.plan.layers.map(({ touched }) => touched);
    assert.deepEqual([layers.at(-1)!.of, layers.at(-1)!.share], ["code", 1]);
    const packages = layers.slice(0, -1);
    assert.deepEqual(new Set(packages.map(({ of }) => of)), new Set(["packages"]));
    assert.equal(packages.reduce((sum, { share }) => sum + share, 0).toFixed(9), "1.000000000");
    assert.match(planText(report), / nearly all updates: the project\n/);
    assert.match(planText(report), /\d% of packages' updates: large\n/);
    assert.match(html(), /nearly all updates/);
  });

  it("isn't there for a store, where nothing is known to be the user's own", async (t) => {
    const folder = await temporaryFolder(t);
    writeFileSync(`${folder}/graph.json`, JSON.stringify(STORE_GRAPH));
    const { report, html } = await plan({ name: "x", graph: `${folder}/graph.json` });
    assert.equal(report.changes, undefined);
    assert.match(planText(report), /^Plan: /);
    assert.doesNotMatch(html(), /Your code/);
    assert.ok(report.plan.layers.every(({ touched }) => touched.of === "all"));
  });
});
