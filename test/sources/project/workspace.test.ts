import assert from "node:assert/strict";
import { rmSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { readGraph } from "#graph";
import { openProject } from "#project";
import { LINUX, manifest, writeInstalled } from "../../support/installed-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";

const LOCK = `lockfileVersion: '9.0'
importers:
  .: {}
  packages/api:
    dependencies:
      lib: {specifier: 'workspace:*', version: link:../lib}
  packages/lib: {}
`;

it("a project that yarn has installed without node_modules finds its packages in the image", async (t) => {
  const folder = await temporaryFolder(t);
  const api = { ...manifest("api", "1.0.0"), main: "index.js", engines: { node: "24" } };
  writeInstalled(folder, {
    files: { "yarn.lock": "__metadata:\n  version: 8\n", ".pnp.cjs": "" },
    packages: { ".": { ...api, workspaces: ["packages/*"] }, "packages/api": api },
  });
  const commandIn = async (path: string) => (await openProject(path)).onBase(undefined).spec.config.Cmd;
  assert.deepEqual(await commandIn(folder), ["node", "-r", "/app/.pnp.cjs", "index.js"]);
  assert.deepEqual(await commandIn(`${folder}/packages/api`), ["node", "-r", "/app/.pnp.cjs", "index.js"]);
  // yarn makes it where there are modules that import.
  writeFileSync(`${folder}/.pnp.loader.mjs`, "");
  const flags = ["-r", "/app/.pnp.cjs", "--experimental-loader", "/app/.pnp.loader.mjs"];
  assert.deepEqual(await commandIn(`${folder}/packages/api`), ["node", ...flags, "index.js"]);
});

describe("a workspace's root, as a project", () => {
  const write = async (t: TestContext, start: object, root: object = {}) => {
    const folder = await temporaryFolder(t);
    writeInstalled(folder, {
      files: { "package-lock.json": JSON.stringify({ lockfileVersion: 3, packages: {} }) },
      packages: {
        ".": { name: "root", engines: { node: "24" }, workspaces: ["apps/*", "libs/*"], ...root },
        "apps/api": { name: "api", version: "1.0.0", ...start },
        "libs/lib": { name: "lib", version: "1.0.0" },
      },
    });
    rmSync(`${folder}/index.js`, { force: true });
    return folder;
  };

  it("names a package to build where it has nothing to run itself", async (t) => {
    const folder = await write(t, { scripts: { start: "node index.js" } });
    await assert.rejects(openProject(folder), {
      code: "INVALID_SPEC",
      message: `${folder} is a workspace's root, and doesn't say what is to be run; name the folder of a package, such as ${folder}/apps/api, have all of them built by varve bake, or give "cmd" in ${folder}/varve.json`,
    });
    const unstarted = await write(t, {});
    await assert.rejects(openProject(unstarted), {
      message: /doesn't say what is to be run: no scripts\.start; /,
    });
  });

  it("is an image like any other's where it has", async (t) => {
    const folder = await write(t, {}, { scripts: { start: "node apps/api/index.js" } });
    const { spec } = (await openProject(folder)).onBase(undefined);
    assert.deepEqual(spec.config.Cmd, ["node", "apps/api/index.js"]);
  });
});

describe("a package of a workspace, as a project", () => {
  it("is started by a program of a package that it shares with others", async (t) => {
    const folder = await temporaryFolder(t);
    const web = {
      ...manifest("web", "1.0.0", ["serve-it", "other"]),
      scripts: { start: "serve-it --port 80" },
      engines: { node: "24" },
    };
    writeInstalled(folder, {
      files: { "package-lock.json": JSON.stringify({ lockfileVersion: 3, packages: {} }) },
      packages: {
        ".": { ...manifest("root", "1.0.0"), workspaces: ["apps/*"] },
        "apps/web": web,
        "node_modules/serve-it": { ...manifest("serve-it", "1.0.0"), bin: "./index.js" },
      },
    });
    const { spec } = (await openProject(`${folder}/apps/web`)).onBase(undefined);
    assert.deepEqual(
      [spec.config.WorkingDir, spec.config.Cmd],
      ["/app/apps/web", ["node", "../../node_modules/serve-it/index.js", "--port", "80"]],
    );
    rmSync(`${folder}/node_modules`, { recursive: true });
    rmSync(`${folder}/apps/web/index.js`);
    await assert.rejects(openProject(`${folder}/apps/web`), {
      code: "INVALID_SPEC",
      message:
        /scripts\.start: no package that the project depends on brings serve-it, and serve-it isn't installed;/,
    });
  });

  it("is run where it is in the image, and leaves out what belongs in none, of the packages that it needs, too", async (t) => {
    const folder = await temporaryFolder(t);
    writeInstalled(folder, {
      files: {
        "pnpm-lock.yaml": LOCK,
        "pnpm-workspace.yaml": "packages: ['packages/*']",
        "node_modules/.modules.yaml": "{included: {optionalDependencies: true}, prunedAt: now}",
        "packages/api/.env": "SECRET=1",
        "packages/lib/.env": "SECRET=1",
        "packages/lib/.dockerignore": "notes\n",
        "packages/lib/notes": "n",
      },
      packages: {
        ".": manifest("root", "1.0.0"),
        "packages/api": {
          ...manifest("api", "1.0.0"),
          main: "index.js",
          dependencies: { lib: "workspace:*" },
          engines: { node: "24" },
        },
        "packages/lib": manifest("lib", "1.0.0"),
      },
      links: { "packages/api/node_modules/lib": "packages/lib" },
    });
    const project = await openProject(`${folder}/packages/api`);
    const { spec } = project.onBase(undefined);
    assert.equal(spec.config.WorkingDir, "/app/packages/api");
    const graph = await readGraph(spec.graph!, { omitDev: true, platform: LINUX });
    const { list, paths } = project.staysOut(graph);
    assert.deepEqual(
      list.map(({ path }) => path),
      ["../lib/.dockerignore", "../lib/.env", "../lib/notes", ".env"],
    );
    assert.deepEqual(
      [...paths].sort(),
      ["api/.env", "lib/.dockerignore", "lib/.env", "lib/notes"].map((path) => `${folder}/packages/${path}`),
    );
  });
});
