import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { type BuildOptions, build } from "esbuild";
import { FakeRegistry } from "#testing";
import { embeddedShell } from "../../../scripts/embedded-shell.ts";
import { writeProject } from "../../support/npm-project.ts";
import { mustRun } from "../../support/process.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";

const PROGRAM = fileURLToPath(new URL("support/program.ts", import.meta.url));

/** Runs the program on a small project whose layers go to an archive, a layout and a registry; returns what it prints. */
async function run(t: TestContext, program: string): Promise<string> {
  const folder = await temporaryFolder(t);
  writeProject(join(folder, "project"));
  // More than a ring of chunks between two threads has room for.
  writeTree(join(folder, "project/node_modules/dep/large"), { file: "x".repeat(9_000_000) });
  writeFileSync(join(folder, "spec.json"), '{"name": "app", "tag": "1", "graph": "project"}');
  const registry = await new FakeRegistry().start();
  t.after(() => registry.stop());
  const places = ["docker-archive:app.tar", "oci:layout", `docker://${registry.host}/app:1`];
  return await mustRun([process.execPath, program, "spec.json", ...places], { cwd: folder });
}

describe("a program that uses varve", { concurrency: 2 }, () => {
  for (const [what, options] of Object.entries({
    "an ES module": {
      format: "esm",
      // Some of what is bundled is written in CommonJS.
      banner: {
        js: 'import { createRequire } from "node:module"; const require = createRequire(import.meta.url);',
      },
    },
    "a CommonJS module": { format: "cjs", logOverride: { "empty-import-meta": "silent" } },
  } satisfies Record<string, BuildOptions>)) {
    it(`writes the same images when it is bundled into one file, ${what}`, {
      timeout: 300_000,
    }, async (t) => {
      // Nothing else is near that it could load.
      const folder = join(await temporaryFolder(t), "bundle");
      mkdirSync(folder);
      const outfile = join(folder, options.format === "cjs" ? "app.cjs" : "app.mjs");
      await build({
        ...options,
        entryPoints: [PROGRAM],
        bundle: true,
        platform: "node",
        target: "node22.15",
        // As `dist/` is made, which a user would bundle.
        mainFields: ["module", "main"],
        plugins: [embeddedShell],
        outfile,
        logLevel: "warning",
      });
      assert.equal(await run(t, outfile), await run(t, PROGRAM));
    });
  }
});
