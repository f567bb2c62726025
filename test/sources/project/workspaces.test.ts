import assert from "node:assert/strict";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { startable } from "#project";
import { temporaryFolder } from "../../support/tmp.ts";

/** A workspace of packages, by their folders. */
async function workspace(
  t: TestContext,
  packages: Readonly<Record<string, object>>,
  files: readonly string[] = [],
) {
  const folder = await temporaryFolder(t);
  const write = (path: string, value: unknown) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), JSON.stringify(value));
  };
  write("package.json", { name: "root", workspaces: ["packages/*", "services/*", "more/*"] });
  for (const [path, manifest] of Object.entries(packages)) write(`${path}/package.json`, manifest);
  for (const path of files) write(path, {});
  return folder;
}

const START = { scripts: { start: "node index.js" } };

describe("packages of a workspace with something to start", () => {
  it("have a start script, a spec, or a framework that builds a server", async (t) => {
    const folder = await workspace(
      t,
      {
        "services/script": { name: "@me/script", ...START },
        "services/own": { name: "own", varve: { cmd: "x" } },
        "services/file": { name: "file" },
        "services/next": { name: "next-app", dependencies: { next: "1" } },
        "packages/library": { name: "library", main: "index.js", bin: "cli.js" },
      },
      ["services/file/varve.json"],
    );
    const { packages, others } = await startable(folder);
    assert.deepEqual(
      packages.map(({ name }) => name),
      ["file", "next-app", "own", "script"],
    );
    assert.deepEqual(others, ["packages/library"]);
    assert.deepEqual(packages[3], {
      name: "script",
      aliases: ["@me/script", "services/script"],
      folder: join(folder, "services/script"),
    });
  });

  it("are told apart by their scopes, or else by their folders", async (t) => {
    const folder = await workspace(t, {
      "services/one": { name: "@one/api", ...START },
      "services/two": { name: "@two/api", ...START },
      "services/nameless": START,
      "more/nameless": START,
    });
    const { packages } = await startable(folder);
    assert.deepEqual(
      packages.map(({ name }) => name),
      ["more/nameless", "services/nameless", "@one/api", "@two/api"],
    );
  });

  it("don't have the workspace's root among them, unless it has a spec", async (t) => {
    const folder = await workspace(t, { "services/api": { name: "api", ...START } });
    writeFileSync(
      join(folder, "package.json"),
      JSON.stringify({ name: "root", workspaces: ["services/*"], scripts: { start: "turbo start" } }),
    );
    const names = async () => (await startable(folder)).packages.map(({ name }) => name);
    assert.deepEqual(await names(), ["api"]);
    writeFileSync(join(folder, "varve.json"), "{}");
    assert.deepEqual(await names(), ["root", "api"]);
  });
});
