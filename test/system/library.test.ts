/** The package, as programs use it: written from docs/api.md, type-checked, bundled, and run by the oldest Node.js as well. */
import assert from "node:assert/strict";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { build, transform } from "esbuild";
import { mustRun } from "../support/process.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { node22, noNode22 } from "./support/node-22.ts";
import { installVarve, linkModules } from "./support/package.ts";

const TSC = fileURLToPath(new URL("../../node_modules/typescript/bin/tsc", import.meta.url));

/** Makes the base image. */
const BASE = `
import { draftOf, ociLayoutSink, writeImage } from "varve/formats";
import { madeImage } from "varve/testing";

const base = await madeImage([{ entries: { "bin/node": { content: "a program", mode: 0o755 } }, gzip: 6 }], { config: { Env: ["A=base"] } });
const [written] = await writeImage(draftOf(base), [ociLayoutSink({ path: "base", tag: "1" })]);
console.log(JSON.stringify(written?.layers));
`;

/** Builds on the base and pushes, twice. */
const PROGRAM = `
import { build } from "varve";
import { FakeRegistry } from "varve/testing";

const registry = await new FakeRegistry().start();
const spec = { name: "app", fromImage: "oci:base:1", copyToRoot: "root", config: { Cmd: ["node", "/app.js"] } };
for (const round of ["first", "second"]) {
  const image = await build(spec, { to: [\`docker://\${registry.host}/app:1\`] });
  const [place] = image.places;
  console.log(JSON.stringify({ round, digest: image.digest, layers: place?.layers }));
}
await registry.stop();
`;

interface Round {
  readonly digest: string;
  readonly layers: readonly { readonly digest: string; readonly size: number; readonly outcome: string }[];
}

describe("a program of 15 lines", () => {
  const scope = stacked({ after });
  let folder: string;
  before(async () => {
    folder = await temporaryFolder(scope);
    await installVarve(`${folder}/node_modules`);
    linkModules(`${folder}/node_modules`, ["@types/node", "undici-types"]);
    writeFileSync(`${folder}/package.json`, '{"type": "module"}');
    for (const [name, text] of Object.entries({ base: BASE, app: PROGRAM })) {
      writeFileSync(`${folder}/${name}.ts`, text);
      const { code } = await transform(text, { loader: "ts", target: "node22.15" });
      writeFileSync(`${folder}/${name}.js`, code);
    }
  });

  /** Runs the programs in a folder of their own, which has nothing else that they could load unless `modules` says so. */
  async function rounds(
    scope: { after(cleanup: () => unknown): void },
    node: string,
    files: string[],
  ): Promise<Round[]> {
    const place = await temporaryFolder(scope);
    mkdirSync(`${place}/root`);
    writeFileSync(`${place}/root/app.js`, "console.log(1)");
    const env = { VARVE_CACHE_DIR: `${place}/cache`, HOME: place };
    const [base, app] = files as [string, string];
    const [baseLayer] = JSON.parse(await mustRun([node, base], { cwd: place, env }));
    const lines = (await mustRun([node, app], { cwd: place, env })).trim().split("\n");
    const both = lines.map((line) => JSON.parse(line) as Round);
    for (const { layers } of both) {
      assert.equal(layers.length, 2);
      assert.equal(layers[0]!.digest, baseLayer.descriptor.digest, "the base's layer is the lowest");
    }
    return both;
  }

  function isPresentTheSecondTime([first, second]: readonly Round[]): void {
    assert.deepEqual(
      first!.layers.map(({ outcome }) => outcome),
      ["written", "written"],
    );
    assert.deepEqual(
      second!.layers.map(({ outcome }) => outcome),
      ["present", "present"],
    );
    assert.equal(second!.digest, first!.digest);
  }

  it("is as long as that", () => {
    assert.ok(PROGRAM.trim().split("\n").length <= 15);
  });

  for (const [module, resolution] of [
    ["nodenext", "nodenext"],
    ["esnext", "bundler"],
  ] as const) {
    it(`passes tsc --strict with moduleResolution ${resolution}, declarations and all`, async () => {
      const options = [
        "--strict",
        "--noEmit",
        "--skipLibCheck",
        "false",
        "--target",
        "es2022",
        "--types",
        "node",
      ];
      const modules = ["--module", module, "--moduleResolution", resolution];
      const files = ["base.ts", "app.ts", "all.ts"];
      const entries = readdirSync(`${folder}/node_modules/varve/dist`).filter((name) =>
        name.endsWith(".d.ts"),
      );
      const names = entries.map((name) => basename(name, ".d.ts")).filter((name) => name !== "api");
      const all = names.map(
        (name, at) =>
          `import type * as e${at} from "varve${name === "index" ? "" : `/${name}`}";\nexport type { e${at} };\n`,
      );
      writeFileSync(`${folder}/all.ts`, all.join(""));
      assert.equal(
        await mustRun([process.execPath, TSC, ...options, ...modules, ...files], { cwd: folder }),
        "",
      );
    });
  }

  it("builds on its base, and finds everything present the second time", async (t) => {
    isPresentTheSecondTime(await rounds(t, process.execPath, [`${folder}/base.js`, `${folder}/app.js`]));
  });

  it("does so with Node.js 22.15, too, and makes the same image", { skip: noNode22 }, async (t) => {
    const files = [`${folder}/base.js`, `${folder}/app.js`];
    const there = await rounds(t, await node22(), files);
    isPresentTheSecondTime(there);
    assert.deepEqual(there, await rounds(t, process.execPath, files));
  });

  it("does so bundled into one file, with either Node.js", { timeout: 300_000 }, async (t) => {
    // Nothing else is near that it could load.
    const place = await temporaryFolder(t);
    const files = ["base", "app"].map((name) => join(place, `${name}.mjs`));
    for (const [at, name] of ["base", "app"].entries()) {
      await build({
        entryPoints: [`${folder}/${name}.ts`],
        bundle: true,
        platform: "node",
        format: "esm",
        target: "node22.15",
        outfile: files[at]!,
        logLevel: "warning",
      });
    }
    const bundled = await rounds(t, process.execPath, files);
    isPresentTheSecondTime(bundled);
    if (noNode22 === false) assert.deepEqual(await rounds(t, await node22(), files), bundled);
  });
});
