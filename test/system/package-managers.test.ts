import assert from "node:assert/strict";
import { cpSync, mkdirSync, readdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { writeInstalled } from "../support/installed-project.ts";
import { mustRun } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { builtCommand } from "../support/varve.ts";
import {
  bun,
  type Manager,
  managers,
  managersEnv,
  npm,
  pnpm,
  yarn1,
  yarn4,
} from "./support/package-managers.ts";

const PROJECTS: Readonly<Record<string, Manager>> = {
  npm,
  pnpm: pnpm(),
  "pnpm, hoisted": pnpm("--config.node-linker=hoisted"),
  "yarn 1": yarn1,
  "yarn 4": yarn4("node-modules"),
  "yarn 4 in pnpm's way": yarn4("pnpm"),
  "yarn 4 without node_modules": yarn4("pnp"),
  bun: bun("hoisted"),
  "bun, isolated": bun("isolated"),
};

/** A scope, a peer, a command, a package for this platform only, and one for development. */
const PROJECT = {
  "package.json": JSON.stringify({
    name: "demo",
    version: "1.0.0",
    dependencies: {
      "@hapi/hoek": "11.0.7",
      debug: "4.4.0",
      esbuild: "0.25.0",
      react: "18.3.1",
      "react-dom": "18.3.1",
      semver: "7.6.3",
    },
    devDependencies: { "is-odd": "3.0.1" },
  }),
  "index.js": `for (const name of ["@hapi/hoek", "debug", "react-dom", "semver", "esbuild"]) require(name);
// Loaded by esbuild's own way of finding it.
if (!process.versions.pnp) console.log(require("esbuild").transformSync("let x: 1", { loader: "ts" }).code.trim());
try { require("is-odd"); console.log("development"); } catch { console.log("ready"); }
`,
};

const WORKSPACES: Readonly<Record<string, Manager>> = {
  npm,
  pnpm: { ...pnpm(), files: { "pnpm-workspace.yaml": "packages: [apps/*, packages/*]\n" } },
  "yarn 1": yarn1,
  "yarn 4": yarn4("node-modules"),
  bun: bun("hoisted"),
  "bun, isolated": bun("isolated"),
};

const WORKSPACE = {
  "package.json": JSON.stringify({ name: "root", private: true, workspaces: ["apps/*", "packages/*"] }),
  "apps/api/package.json": JSON.stringify({
    name: "api",
    // Without a version, yarn 1 doesn't take it for a workspace's package.
    version: "0.1.0",
    dependencies: { "@demo/shared": "1.0.0", debug: "4.4.0" },
    devDependencies: { "is-odd": "3.0.1" },
  }),
  "apps/api/index.js": 'require("debug"); console.log(require("@demo/shared"));',
  "apps/web/package.json": JSON.stringify({
    name: "web",
    version: "0.1.0",
    dependencies: { ms: "1.0.0", semver: "7.6.3" },
  }),
  "packages/shared/package.json": JSON.stringify({
    name: "@demo/shared",
    version: "1.0.0",
    dependencies: { ms: "2.1.3" },
  }),
  "packages/shared/index.js": 'module.exports = require("ms/package.json").version;',
};

describe("images of what package managers have installed", { skip: requires("npm") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let tools: string;

  before(async () => {
    folder = await temporaryFolder(scope);
    tools = await managers();
  });

  async function installed(
    name: string,
    manager: Manager,
    own: Readonly<Record<string, string>>,
  ): Promise<string> {
    const project = join(folder, name.replaceAll(/[^a-z0-9]/g, "-"));
    writeInstalled(project, { files: { ...own, ...manager.files } });
    // What they keep for other projects goes with the test.
    const env = managersEnv(folder, { isYarn1: manager === yarn1 });
    await mustRun(manager.command(tools), { cwd: project, env });
    return project;
  }

  /** Builds an image, and puts what it has into a folder, the project's own being away. */
  async function unpacked(project: string, { app = "." }: { app?: string } = {}): Promise<string> {
    const [spec, archive, tar] = [`${project}.json`, `${project}.tar`, `${project}-root.tar`];
    const config = { WorkingDir: join("/app", app) };
    writeFileSync(spec, JSON.stringify({ name: "demo", graph: join(project, app), omit: ["dev"], config }));
    await mustRun([...builtCommand, "build", spec, "--quiet", "--output", `docker-archive:${archive}`]);
    await mustRun([...builtCommand, "export", `docker-archive:${archive}`, "--quiet", "--output", tar]);
    const root = `${project}-root`;
    mkdirSync(root);
    await mustRun(["tar", "-xf", tar, "-C", root]);
    renameSync(project, `${project}-away`);
    return join(root, "app");
  }

  const started = (cwd: string, node: readonly string[] = []): Promise<string> =>
    mustRun([process.execPath, ...node, "index.js"], {
      cwd,
      env: { NODE_PATH: undefined },
    });
  const dangling = (cwd: string): Promise<string> => mustRun(["find", ".", "-xtype", "l"], { cwd });

  for (const [name, manager] of Object.entries(PROJECTS)) {
    it(`of ${name} start, and have nothing for development and no link that dangles`, async () => {
      const app = await unpacked(await installed(`project ${name}`, manager, PROJECT));
      assert.match(await started(app, manager.node), /^(?:let x;\n)?ready\n$/);
      assert.equal(await dangling(app), "");
      const found = await mustRun(["find", ".", "-name", "*is-odd*"], { cwd: app });
      assert.equal(found, "");
      assert.equal(await mustRun(["grep", "-rlF", folder, "."], { cwd: app }).catch(() => ""), "");
    });
  }

  for (const [name, manager] of Object.entries(WORKSPACES)) {
    it(`of an application of ${name}'s workspace have what it needs and nothing else`, async () => {
      const range = name.startsWith("yarn 1") || name === "npm" ? "1.0.0" : "workspace:*";
      const own = {
        ...WORKSPACE,
        "apps/api/package.json": WORKSPACE["apps/api/package.json"].replace("1.0.0", range),
      };
      const app = await unpacked(await installed(`workspace ${name}`, manager, own), { app: "apps/api" });
      assert.equal(await started(join(app, "apps/api")), "2.1.3\n");
      assert.equal(await dangling(app), "");
      assert.deepEqual(readdirSync(app).sort(), ["apps", "node_modules", "packages"]);
      assert.deepEqual(readdirSync(join(app, "apps")), ["api"]);
      assert.equal(
        await mustRun(["find", ".", "-name", "*is-odd*", "-o", "-name", "*semver*"], { cwd: app }),
        "",
      );
    });
  }

  it("of pnpm are the same wherever the project lies", async () => {
    const project = await installed("here", pnpm(), PROJECT);
    cpSync(project, join(folder, "elsewhere"), { recursive: true, verbatimSymlinks: true });
    await unpacked(project);
    await unpacked(join(folder, "elsewhere"));
    assert.ok(readFileSync(`${project}.tar`).equals(readFileSync(join(folder, "elsewhere.tar"))));
  });
});
