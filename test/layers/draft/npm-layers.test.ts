import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { rm } from "node:fs/promises";
import { describe, it } from "node:test";
import fc from "fast-check";
import { draftImage } from "#draft";
import { flattenedTree } from "#flatten";
import { listTree, pathsOf } from "#fs";
import type { Image, Layer } from "#image";
import { checkSpec, type ImageSpecInput } from "#spec";
import { madeImage } from "#testing";
import { STILL } from "../../support/drafts.ts";
import { names } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

/** Packages by name, each with those nested in it. */
interface Packages {
  readonly [name: string]: Packages;
}

const packages: fc.Arbitrary<Packages> = fc.letrec<{ packages: Packages }>((tie) => ({
  packages: fc.dictionary(
    fc.constantFrom("a", "b", "npm", "@s/a", "@s/b", "@t/a"),
    fc.oneof({ maxDepth: 3 }, fc.constant<Packages>({}), tie("packages")),
    { maxKeys: 4, noNullPrototype: true },
  ),
})).packages;

/** Writes an npm project that has these packages installed. */
function writeProject(folder: string, installed: Packages): void {
  const locked: Record<string, object> = {};
  const modulesOf = (packages: Packages, above: string): Tree => {
    const modules: Record<string, Tree> = {};
    const scopes: Record<string, Record<string, Tree>> = { "@s": {}, "@t": {} };
    for (const [name, nested] of Object.entries(packages)) {
      const key = `${above}node_modules/${name}`;
      locked[key] = { version: "1.0.0" };
      const tree = packageTree(name, { nested, key: `${key}/` });
      const [scope, inScope] = name.split("/") as [string, string?];
      if (inScope === undefined) modules[name] = tree;
      else scopes[scope]![inScope] = tree;
    }
    for (const [scope, dir] of Object.entries(scopes)) {
      if (Object.keys(dir).length > 0) modules[scope] = { dir };
    }
    return { dir: modules };
  };
  const packageTree = (name: string, { nested, key }: { nested: Packages; key: string }) => ({
    dir: {
      "package.json": { file: JSON.stringify({ name, version: "1.0.0" }) },
      "index.js": { file: key },
      ...(Object.keys(nested).length > 0 && { node_modules: modulesOf(nested, key) }),
    },
  });
  writeTree(folder, packageTree("project", { nested: installed, key: "" }));
  const lock = { name: "project", lockfileVersion: 3, packages: { "": {}, ...locked } };
  writeFileSync(`${folder}/package-lock.json`, JSON.stringify(lock));
}

async function build(fields: Partial<ImageSpecInput>, base?: Image): Promise<Layer[]> {
  const draft = await draftImage(checkSpec({ name: "image", ...fields }), {
    ...STILL,
    base,
  });
  const layers: Layer[] = [];
  for await (const layer of draft.layers()) layers.push(layer);
  return layers.slice(base?.layers.length ?? 0);
}

async function namesOf(layer: Layer): Promise<string[]> {
  const chunks: Buffer[] = [];
  for await (const chunk of layer.open()) chunks.push(Buffer.from(chunk));
  return await names(Buffer.concat(chunks));
}

function checkNames(names: readonly string[]): void {
  const before = new Set<string>();
  for (const name of names) {
    assert.ok(!before.has(name), `${name} is in it twice`);
    for (let at = name.lastIndexOf("/"); at > 0; at = name.lastIndexOf("/", at - 1)) {
      assert.ok(before.has(name.slice(0, at)), `${name.slice(0, at)} isn't before ${name}`);
    }
    before.add(name);
  }
}

const base = await madeImage([
  { entries: { srv: { link: "var/srv" }, var: { dir: true }, "var/srv": { dir: true }, app: { dir: true } } },
]);

describe("layers of an npm project", () => {
  it("have each name once and all of the project, whatever packages share a layer", async (t) => {
    const folder = await temporaryFolder(t);
    const check = async (installed: Packages, { maxLayers, ...fields }: Partial<ImageSpecInput>) => {
      const project = `${folder}/case/project`;
      writeProject(project, installed);
      writeTree(`${folder}/case/copied`, {
        dir: { srv: { dir: { node_modules: { dir: { a: { dir: { added: { file: "copied" } } } } } } } },
      });
      const spec = { graph: project, ...fields, ...(maxLayers && { maxLayers }) };
      const onBase = maxLayers === undefined ? undefined : base;
      const layers = await build(spec, onBase);
      for (const layer of layers) checkNames(await namesOf(layer));
      const tree = await flattenedTree([...(onBase?.layers ?? []), ...layers]);
      const root = fields.config!.WorkingDir!.replace("/srv", onBase === undefined ? "/srv" : "/var/srv");
      for (const name of pathsOf(listTree(project).names)) {
        assert.ok(tree.get(`${root}/${name}`), `${name} is lost`);
      }
      if (fields.copyToRoot !== undefined) {
        assert.ok(tree.get(`${onBase === undefined ? "" : "/var"}/srv/node_modules/a/added`));
      }
    };
    const fields = fc.record({
      maxLayers: fc.constantFrom(3, 4, 6, 100, undefined),
      layered: fc.boolean(),
      config: fc.constantFrom("/srv", "/srv/x", "/app").map((WorkingDir) => ({ WorkingDir })),
      copyToRoot: fc.constantFrom(undefined, `${folder}/case/copied`),
    });
    await fc.assert(
      fc.asyncProperty(packages, fields, async (installed, { copyToRoot, ...rest }) => {
        mkdirSync(`${folder}/case`);
        await check(installed, {
          ...rest,
          ...(copyToRoot && { copyToRoot: [copyToRoot] }),
        } as Partial<ImageSpecInput>).finally(() => rm(`${folder}/case`, { recursive: true }));
      }),
      { numRuns: 15 },
    );
  });
});
