import assert from "node:assert/strict";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { describe, it, type TestContext } from "node:test";
import { findProject, readGraph } from "#graph";
import {
  type InstalledFiles,
  manifest,
  references,
  writeInstalled,
} from "../../support/installed-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";

async function made(t: TestContext, files: InstalledFiles): Promise<string> {
  const folder = await temporaryFolder(t);
  writeInstalled(folder, files);
  return folder;
}

const NPM_LOCK = JSON.stringify({ lockfileVersion: 3, packages: { "": {} } });
const locks = { "package-lock.json": NPM_LOCK, "pnpm-lock.yaml": "lockfileVersion: '9.0'", "bun.lock": "{}" };

describe("a project's package manager", () => {
  it("is told by its lock file", async (t) => {
    for (const [file, text, manager] of [
      ["package-lock.json", NPM_LOCK, "npm"],
      ["npm-shrinkwrap.json", NPM_LOCK, "npm"],
      ["node_modules/.package-lock.json", NPM_LOCK, "npm"],
      ["pnpm-lock.yaml", "", "pnpm"],
      ["yarn.lock", "# yarn lockfile v1\n", "yarn-classic"],
      ["yarn.lock", "# made by yarn\n\n__metadata:\n  version: 8\n", "yarn"],
      ["bun.lock", "", "bun"],
      ["bun.lockb", "", "bun"],
    ] as const) {
      const folder = await made(t, { files: { [file]: text } });
      const { root, app, lockFile, ...project } = await findProject(folder);
      assert.deepEqual([root, app, lockFile, project.manager], [folder, ".", join(folder, file), manager]);
    }
  });

  it("is none where nothing is needed, so that nothing was ever installed", async (t) => {
    const own = { name: "own", version: "1.0.0", devDependencies: { dev: "*" } };
    const folder = await made(t, { packages: { ".": own } });
    const { components, kind } = await readGraph(folder, { omitDev: true });
    assert.equal(kind, "npm");
    const only = { id: ".", path: folder, name: "own", version: "1.0.0", references: [], nested: [] };
    assert.deepEqual([...components.values()], [only]);
    await assert.rejects(readGraph(folder), { message: /has no lock file/ });
    await assert.rejects(
      readGraph(await made(t, { files: locks, packages: { ".": own } }), { omitDev: true }),
      {
        message: /has the lock files of several/,
      },
    );
    for (const files of [{ packages: { ".": own, "node_modules/a": {} } }, { files: { "a.js": "" } }]) {
      await assert.rejects(readGraph(await made(t, files), { omitDev: true }), {
        message: /has no lock file/,
      });
    }
  });

  it("is what package.json says, or whose files are in node_modules, where there are several lock files", async (t) => {
    const managerOf = async (files: InstalledFiles) => (await findProject(await made(t, files))).manager;
    const said = (fields: object) => ({ files: locks, packages: { ".": { ...fields } } });
    assert.equal(await managerOf(said({ packageManager: "pnpm@10.1.0+sha512.abc" })), "pnpm");
    assert.equal(await managerOf(said({ devEngines: { packageManager: { name: "bun" } } })), "bun");
    assert.equal(await managerOf({ files: { ...locks, "node_modules/.modules.yaml": "" } }), "pnpm");
    await assert.rejects(managerOf({ files: locks }), {
      code: "INVALID_GRAPH",
      message: /has the lock files of several package managers \(npm, pnpm, bun\); set "packageManager"/,
    });
  });

  it("must be one", async (t) => {
    await assert.rejects(readGraph(await made(t, { packages: { ".": { dependencies: { a: "1" } } } })), {
      code: "INVALID_GRAPH",
      message:
        /has no lock file, nor is it part of a workspace that has one: package-lock\.json, pnpm-lock\.yaml, yarn\.lock, bun\.lock are/,
    });
  });
});

const source = (name: string, ...dependencies: string[]) => ({
  ...manifest(name, "1.0.0", dependencies),
  devDependencies: { dev: "*" },
});

const PACKAGES = {
  "apps/api": source("api", "shared", "a"),
  "apps/web": source("web", "shared", "b"),
  "apps/old": source("old"),
  "packages/shared": source("shared", "c"),
};

const VERSIONS = { a: "1.0.0", b: "1.0.0", c: "1.0.0", dev: "1.0.0" };

/** All that `apps/api` needs and nothing else, in flat `node_modules`. */
const FLAT = {
  ".": [],
  "apps/api": [".", "node_modules/a", "packages/shared"],
  "node_modules/a": [],
  "node_modules/c": [],
  "packages/shared": ["node_modules/c"],
};

function flat(
  files: Record<string, string>,
  manifestOfRoot: object = { workspaces: ["apps/*", "./packages/*", "!apps/old"] },
) {
  const installed = Object.entries(VERSIONS).map(([name, version]) => [
    `node_modules/${name}`,
    manifest(name, version),
  ]);
  return {
    files: { "README.md": "", ...files },
    packages: { ".": { ...manifestOfRoot }, ...PACKAGES, ...Object.fromEntries(installed) },
    links: {
      "node_modules/api": "apps/api",
      "node_modules/web": "apps/web",
      "node_modules/shared": "packages/shared",
      "node_modules/.bin/a": "node_modules/a/index.js",
      "node_modules/.bin/dev": "node_modules/dev/index.js",
    },
  };
}

const yarnLock = Object.entries(VERSIONS)
  .map(([name, version]) => `${name}@*:\n  version "${version}"\n`)
  .join("\n");
const berryLock = `__metadata:\n  version: 8\n${Object.entries(VERSIONS)
  .map(
    ([name, version]) => `"${name}@npm:*":\n  version: ${version}\n  resolution: "${name}@npm:${version}"\n`,
  )
  .join("")}`;
const npmLock = JSON.stringify({
  lockfileVersion: 3,
  packages: Object.fromEntries(
    Object.entries(VERSIONS).map(([name, version]) => [`node_modules/${name}`, { version }]),
  ),
});
const bunLock = JSON.stringify({
  packages: Object.fromEntries(
    Object.entries(VERSIONS).map(([name, version]) => [name, [`${name}@${version}`, "", {}, ""]]),
  ),
});

describe("a workspace's package", () => {
  for (const [manager, files] of Object.entries({
    npm: { "package-lock.json": npmLock },
    "yarn 1": { "yarn.lock": yarnLock },
    "yarn 4": { "yarn.lock": berryLock },
    bun: { "bun.lock": bunLock },
  })) {
    it(`has what it needs of the workspace and of what ${manager} has installed, at their places in it`, async (t) => {
      const folder = await made(t, flat(files));
      const graph = await readGraph(join(folder, "apps/api"), { omitDev: true });
      assert.deepEqual(references(graph), FLAT);
      assert.equal(graph.app, "apps/api");
      assert.equal(graph.components.get("packages/shared")!.path, join(folder, "packages/shared"));
    });
  }

  it("has of the workspace's root nothing but the links that lead to something", async (t) => {
    const folder = await made(t, flat({ "yarn.lock": yarnLock }));
    const { components } = await readGraph(join(folder, "apps/api"), { omitDev: true });
    const { nested } = components.get(".")!;
    const kept = (folder: string, names: readonly string[]) =>
      names.filter((name) => !nested!.includes(`${folder}${name}`));
    assert.deepEqual(kept("", readdirSync(folder)), ["node_modules"]);
    assert.deepEqual(kept("node_modules/", readdirSync(join(folder, "node_modules"))), [
      ".bin",
      "api",
      "shared",
    ]);
    assert.deepEqual(kept("node_modules/.bin/", ["a", "dev"]), ["a"]);
  });

  it("has links of its own where pnpm has installed it", async (t) => {
    const store = (name: string) => `node_modules/.pnpm/${name}@1.0.0/node_modules/${name}`;
    const inStore = Object.keys(VERSIONS).map((name) => [store(name), manifest(name, "1.0.0")]);
    const folder = await made(t, {
      files: {
        "pnpm-workspace.yaml": "packages: ['apps/*', 'packages/*']\n",
        "pnpm-lock.yaml": `lockfileVersion: '9.0'\npackages: {${Object.keys(VERSIONS)
          .map((name) => `${name}@1.0.0: {}`)
          .join(", ")}}`,
      },
      packages: { ".": {}, ...PACKAGES, ...Object.fromEntries(inStore) },
      links: {
        "apps/api/node_modules/a": store("a"),
        "apps/api/node_modules/dev": store("dev"),
        "apps/api/node_modules/shared": "packages/shared",
        "apps/old/node_modules/dev": store("dev"),
        "packages/shared/node_modules/c": store("c"),
        "packages/shared/node_modules/dev": store("dev"),
      },
    });
    const graph = await readGraph(join(folder, "apps/api"), { omitDev: true });
    assert.deepEqual(references(graph), {
      ".": [],
      "apps/api": [".", "node_modules/.pnpm/a@1.0.0", "packages/shared"],
      "node_modules/.pnpm/a@1.0.0": [],
      "node_modules/.pnpm/c@1.0.0": [],
      "packages/shared": ["node_modules/.pnpm/c@1.0.0"],
    });
    assert.deepEqual(graph.components.get("apps/api")!.nested, ["node_modules/dev"]);
    // Nothing else is in it, so that an empty folder would be left.
    const old = await readGraph(join(folder, "apps/old"), { omitDev: true });
    assert.deepEqual(old.components.get("apps/old")!.nested, ["node_modules"]);
  });

  it("isn't one that the workspace doesn't have", async (t) => {
    const folder = await made(t, flat({ "yarn.lock": yarnLock }));
    mkdirSync(join(folder, "apps/none"));
    for (const name of ["apps/old", "apps/none"]) {
      await assert.rejects(readGraph(join(folder, name)), {
        code: "INVALID_GRAPH",
        message: /has no lock file, nor is it/,
      });
    }
  });
});

describe("a workspace's root", () => {
  it("has all packages of the workspace", async (t) => {
    const folder = await made(
      t,
      flat({ "yarn.lock": yarnLock }, { workspaces: { packages: ["apps/*", "packages/*"] } }),
    );
    const graph = await readGraph(folder, { omitDev: true });
    assert.deepEqual(references(graph)["."], ["apps/api", "apps/old", "apps/web", "packages/shared"]);
    assert.equal(graph.app, undefined);
  });
});
