import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { type BaseConfig, openProject } from "#project";
import type { SpecFields } from "#spec";
import { ENDS_ON_SIGNALS } from "../../../src/sources/project/signals.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

type Files = Readonly<Record<string, string | Tree>>;

/** A project's folder with these files; a path's folders are made. */
async function project(t: TestContext, manifest: object | undefined, files: Files = {}): Promise<string> {
  const folder = `${await temporaryFolder(t)}/my-folder`;
  const root: Record<string, Tree> = {};
  const all = { ...(manifest && { "package.json": JSON.stringify(manifest) }), ...files };
  for (const [path, content] of Object.entries(all)) {
    const parts = path.split("/");
    let dir = root;
    for (const part of parts.slice(0, -1)) {
      dir[part] ??= { dir: {} };
      dir = (dir[part] as { dir: Record<string, Tree> }).dir;
    }
    dir[parts.at(-1)!] = typeof content === "string" ? { file: content } : content;
  }
  writeTree(folder, { dir: root });
  return folder;
}

const OFFICIAL: BaseConfig = {
  Entrypoint: ["docker-entrypoint.sh"],
  Env: ["PATH=/usr/local/bin", "NODE_VERSION=24.3.0"],
};
const DISTROLESS: BaseConfig = { Entrypoint: ["/nodejs/bin/node"], User: "0" };

async function specOf(folder: string, base: BaseConfig | undefined = OFFICIAL, change?: SpecFields) {
  const opened = await openProject(folder, { change: (fields) => ({ ...fields, ...change }) });
  return opened.onBase(base);
}

async function commandOf(t: TestContext, manifest: object, files: Files = {}) {
  const { config } = (await specOf(await project(t, manifest, files))).spec;
  return config.Entrypoint ?? config.Cmd;
}

const refuses = (
  t: TestContext,
  manifest: object,
  { files = {}, message }: { files?: Files; message: RegExp },
) => assert.rejects(commandOf(t, manifest, files), { code: "INVALID_SPEC", message });

const HI = { "index.js": "hi" };

describe("a project's image", () => {
  it("has all that its package.json and its Git say", async (t) => {
    const revision = "0123456789abcdef0123456789abcdef01234567";
    const folder = await project(
      t,
      {
        name: "@acme/api",
        version: "1.2.3+b",
        description: "An API",
        license: "MIT",
        scripts: { start: "node dist/index.js" },
      },
      {
        "dist/index.js": "hi",
        "dist/index.js.map": "{}",
        ".git/HEAD": "ref: refs/heads/main\n",
        ".git/packed-refs": `# pack-refs\n${revision} refs/heads/main\n`,
        ".git/config": '[remote "origin"]\n\turl = https://me:token@github.com/acme/api.git\n',
      },
    );
    const { spec, fields, derived } = await specOf(folder);
    assert.deepEqual([spec.name, spec.tag, spec.fromImage], ["acme/api", "1.2.3-b", "node:24-slim"]);
    assert.deepEqual([spec.graph, spec.omit, spec.uid], [folder, ["dev"], 0]);
    assert.deepEqual(spec.config, {
      WorkingDir: "/app",
      Cmd: ["node", "dist/index.js"],
      Env: ["NODE_ENV=production", `NODE_OPTIONS=--enable-source-maps ${ENDS_ON_SIGNALS}`],
      User: "1000:1000",
    });
    assert.deepEqual(spec.labels, {
      "org.opencontainers.image.title": "@acme/api",
      "org.opencontainers.image.version": "1.2.3+b",
      "org.opencontainers.image.description": "An API",
      "org.opencontainers.image.licenses": "MIT",
      "org.opencontainers.image.source": "https://github.com/acme/api",
      "org.opencontainers.image.revision": revision,
    });
    assert.deepEqual([fields.graph, fields.cmd], [".", "node dist/index.js"]);
    assert.deepEqual(derived, [
      "the image is acme/api:1.2.3-b (from package.json), on node:24-slim (from the newest line with long-term support)",
      "it runs `node dist/index.js` (from scripts.start) with NODE_ENV=production NODE_OPTIONS=--enable-source-maps --import=… (which ends it on SIGTERM and SIGINT) as user 1000:1000",
    ]);
  });

  it("has what its spec says, wherever that is, and the rest follows", async (t) => {
    const given = {
      name: "ghcr.io/me/x",
      tag: "t",
      fromImage: "base:1",
      cmd: "node other.js",
      user: "me",
      env: { NODE_ENV: "test" },
      labels: { "org.opencontainers.image.title": "X" },
      omit: [],
      config: { WorkingDir: "/srv", Labels: { "org.opencontainers.image.version": "9" } },
    };
    const manifest = { name: "app", version: "1.0.0" };
    const text = `// My spec.\n${JSON.stringify(given).replace(/\}$/, ",}")}`;
    for (const folder of [
      await project(t, manifest, { "varve.json": text }),
      await project(t, { ...manifest, varve: given }),
    ]) {
      const { spec } = await specOf(folder);
      assert.deepEqual([spec.name, spec.tag, spec.fromImage, spec.omit], ["ghcr.io/me/x", "t", "base:1", []]);
      assert.deepEqual(spec.labels, { "org.opencontainers.image.title": "X" });
      assert.deepEqual(spec.config, {
        WorkingDir: "/srv",
        Labels: { "org.opencontainers.image.version": "9" },
        Cmd: ["node", "other.js"],
        User: "me",
        Env: ["NODE_ENV=test", `NODE_OPTIONS=${ENDS_ON_SIGNALS}`],
      });
    }
  });

  it("ends on signals where its Node.js takes what that needs, and nobody says otherwise", async (t) => {
    const folder = await project(t, {}, HI);
    const options = async (base: BaseConfig | undefined, change?: SpecFields) =>
      (await specOf(folder, base, change)).spec.config.Env?.filter((entry) => /^NODE_OPTIONS/.test(entry));
    const on = (version: string, ...env: string[]) => ({
      ...OFFICIAL,
      Env: [`NODE_VERSION=${version}`, ...env],
    });
    assert.deepEqual(await options(on("20.9.0")), [`NODE_OPTIONS=${ENDS_ON_SIGNALS}`]);
    assert.deepEqual(await options(on("18.20.0")), []);
    assert.deepEqual(await options(on("24.0.0", "NODE_OPTIONS=-r x")), [
      `NODE_OPTIONS=-r x ${ENDS_ON_SIGNALS}`,
    ]);
    assert.deepEqual(await options(OFFICIAL, { env: { NODE_OPTIONS: "" } }), ["NODE_OPTIONS="]);
    // Who names a base that doesn't say its version may have an older one.
    assert.deepEqual(await options(DISTROLESS, { fromImage: "distroless" }), []);
  });

  it("is refused with two specs, with a wrong one, and where there is no project", async (t) => {
    const two = await project(t, { varve: {} }, { "varve.json": "{}", ...HI });
    await assert.rejects(specOf(two), { code: "INVALID_SPEC", message: /has two specs/ });
    const wrong = await project(t, { varve: { nmae: "x" } }, HI);
    await assert.rejects(specOf(wrong), { code: "INVALID_SPEC", message: /did you mean "name"\?/ });
    const none = await project(t, undefined, HI);
    await assert.rejects(specOf(none), { code: "INVALID_SPEC", message: /is no project: it has neither/ });
    const nx = await project(t, { name: "nx" }, { "apps/api/project.json": "{}" });
    await assert.rejects(specOf(`${nx}/apps/api`), {
      code: "INVALID_SPEC",
      message: /if it is an app of .*my-folder, write varve\.json here, with "graph": "\.\.\/\.\."/,
    });
    const { spec } = await specOf(
      await project(
        t,
        { name: "nx" },
        { "apps/api/varve.json": '{"graph": "../..", "cmd": "node dist/a.js"}' },
      ).then((folder) => `${folder}/apps/api`),
    );
    assert.deepEqual([spec.name, spec.config.WorkingDir, spec.omit], ["api", "/app", ["dev"]]);
  });

  it("has a name and a tag that registries take", async (t) => {
    for (const [name, version, image] of [
      ["App", "1.0.0", "app:1.0.0"],
      ["@me/app", undefined, "me/app:undefined"],
      ["@my.org/app", "v1", "my-org/app:v1"],
      ["@localhost/app", "-1", "app:1"],
      ["_a--b__c...d_", "1 0", "a--b__c-d:1-0"],
      [undefined, "1".repeat(200), `my-folder:${"1".repeat(128)}`],
    ] as const) {
      const { spec } = await specOf(await project(t, { name, version }, HI));
      assert.equal(`${spec.name}:${spec.tag}`, image);
    }
  });

  it("is on the line of Node.js that the project says", async (t) => {
    for (const [node, files, base] of [
      [">=18", {}, "node:24-slim"],
      ["^20.1 || ^22", {}, "node:22-slim"],
      ["20.x", {}, "node:20-slim"],
      ["20.11.1", {}, "node:20-slim"],
      [">=18 <21", {}, "node:20-slim"],
      [">= 22.15 < 24", {}, "node:22-slim"],
      ["18 - 22", {}, "node:22-slim"],
      ["~21", {}, "node:21-slim"],
      [">24", {}, "node:26-slim"],
      ["25", {}, "node:25-slim"],
      ["18", {}, "node:18-slim"],
      ["*", { ".nvmrc": "v22.3.0\n" }, "node:22-slim"],
      [undefined, { ".nvmrc": "lts/jod" }, "node:22-slim"],
      [undefined, { ".nvmrc": "lts/*" }, "node:24-slim"],
      [undefined, { ".nvmrc": "node", ".node-version": "20" }, "node:20-slim"],
      // An old file doesn't count against what package.json says.
      [">=24", { ".nvmrc": "18" }, "node:24-slim"],
    ] as const) {
      const manifest = node === undefined ? {} : { engines: { node } };
      const { spec } = await specOf(await project(t, manifest, { ...HI, ...files }));
      assert.equal(spec.fromImage, base, `${node} ${JSON.stringify(files)}`);
    }
    await refuses(t, { engines: { node: "<1" } }, { files: HI, message: /no line of Node\.js fits/ });
  });

  it("is on the base that somebody names, or on none", async (t) => {
    const folder = await project(t, {}, HI);
    const baseOf = async (base: string | undefined, fields: SpecFields = {}) =>
      (await openProject(folder, { base, change: () => fields })).spec.fromImage;
    assert.equal(await baseOf("oci:/base"), "oci:/base");
    assert.equal(await baseOf("oci:/base", { fromImage: "mine:1" }), "mine:1");
    assert.equal(await baseOf("scratch"), "scratch");
    assert.equal(await baseOf(undefined, { fromImage: "scratch" }), "scratch");
  });

  it("gives arguments only to a base whose entry point is Node.js", async (t) => {
    const folder = await project(t, { scripts: { start: "node --flag . a" }, main: "x.js" }, { "x.js": "" });
    const { config } = (await specOf(folder, DISTROLESS)).spec;
    assert.deepEqual(
      [config.Cmd, config.Entrypoint, config.User],
      [["--flag", "x.js", "a"], undefined, "65532:65532"],
    );
    const given = await specOf(folder, DISTROLESS, { cmd: "node y.js" });
    assert.deepEqual(given.spec.config.Cmd, ["y.js"]);
    // What isn't taken over from the base doesn't count.
    const alone = await specOf(folder, DISTROLESS, { inherit: "env" });
    assert.deepEqual(alone.spec.config.Cmd, ["node", "--flag", "x.js", "a"]);
    const tool = await project(t, { name: "t", bin: "cli.js" }, { "cli.js": "" });
    const { Entrypoint, Cmd } = (await specOf(tool, DISTROLESS)).spec.config;
    assert.deepEqual([Entrypoint, Cmd], [["/nodejs/bin/node", "/app/cli.js"], undefined]);
  });

  it("runs as nobody, or as the user that the base has for that", async (t) => {
    const folder = await project(t, {}, HI);
    for (const [base, user] of [
      [OFFICIAL, "1000:1000"],
      [undefined, "65532:65532"],
      [{ Env: ["NODE_VERSION=24.0.0"] }, "65532:65532"],
      [{ User: "root" }, "65532:65532"],
      [{ User: "0:0" }, "65532:65532"],
      [{ User: "nonroot" }, undefined],
    ] as const) {
      const { spec } = (await openProject(folder)).onBase(base);
      assert.equal(spec.config.User, user, JSON.stringify(base));
    }
  });
});

describe("a project's command", () => {
  it("is what npm start runs, without npm", async (t) => {
    const files = { "dist/main.js": "", "lib/index.js": "", "a b.js": "" };
    for (const [start, words] of [
      ["node dist/main.js", ["node", "dist/main.js"]],
      ["node dist/main", ["node", "dist/main.js"]],
      ["node ./lib --port 80", ["node", "lib/index.js", "--port", "80"]],
      [
        "node --import ./x.js --watch -r y dist/main",
        ["node", "--import", "./x.js", "-r", "y", "dist/main.js"],
      ],
      ["node 'a b.js'", ["node", "a b.js"]],
      ["cross-env A=1 B='x y' node dist/main", ["node", "dist/main.js"]],
      ["nest start", ["node", "dist/main.js"]],
      ["tsc -b && node lib", ["node", "lib/index.js"]],
      ["npm run serve", ["node", "lib/index.js", "--all"]],
      ["npm run -s build && npm run serve -- a b", ["node", "lib/index.js", "--all", "a", "b"]],
      ["pnpm serve a", ["node", "lib/index.js", "--all", "a"]],
      ["yarn run serve", ["node", "lib/index.js", "--all"]],
      ["node --run serve -- a", ["node", "lib/index.js", "--all", "a"]],
      ["npx nest start", ["node", "dist/main.js"]],
      ["nodemon dist/main.js --x", ["node", "dist/main.js", "--x"]],
      ["pnpm exec nest start", ["node", "dist/main.js"]],
    ] as const) {
      const scripts = { start, build: "tsc", serve: "C=3 node lib --all" };
      assert.deepEqual(await commandOf(t, { scripts }, files), words, start);
    }
    const folder = await project(t, { scripts: { start: "A=1 B='x y' node --env-file=.env lib" } }, files);
    const { spec, notes } = await specOf(folder);
    assert.deepEqual(spec.config.Env, [
      "NODE_ENV=production",
      `NODE_OPTIONS=${ENDS_ON_SIGNALS}`,
      "A=1",
      "B=x y",
    ]);
    assert.ok(notes.some((note) => /^scripts\.start reads \.env, which stays out of the image/.test(note)));
  });

  it("is the last of several, with a note on those before", async (t) => {
    const scripts = { prestart: "x", start: "A=1 npm run build && B=2 yarn serve", serve: "A=3 C=3 node ." };
    const folder = await project(t, { scripts: { ...scripts, build: "tsc" } }, HI);
    const { spec, notes } = await specOf(folder);
    assert.deepEqual(spec.config.Env!.slice(2), ["A=3", "C=3", "B=2"]);
    assert.deepEqual(notes, [
      "`npm start` runs scripts.prestart and `A=1 npm run build` first, which containers don't: do it before they start",
    ]);
    for (const start of ["npm start", "npm run a", "cd x && node .", "A=1 && node .", "npm -w x run serve"]) {
      await refuses(
        t,
        { scripts: { ...scripts, start, a: "npm run b", b: "npm run a" } },
        { message: /scripts\.start/ },
      );
    }
  });

  it("is no source that something for browsers is made of", async (t) => {
    const files = { "src/main.ts": "", "index.html": "" };
    for (const scripts of [
      { dev: "vite", build: "vue-tsc -b && vite build" },
      { dev: "vite", build: 'run-p type-check "build-only {@}" --' },
      { start: "ng serve", build: "ng build" },
    ]) {
      const message = /src\/main\.ts is for (?:vite|ng), which makes something else of it/;
      await refuses(t, { scripts }, { files, message });
    }
    assert.deepEqual(await commandOf(t, { scripts: { build: "tsc" } }, files), ["node", "src/main.ts"]);
  });

  it("is the file that a framework's command runs", async (t) => {
    const bin = (bin: object | string) => JSON.stringify({ bin });
    const dependencies = { next: "1", "@remix-run/serve": "1", "@react-router/serve": "1", sh: "1" };
    const files = {
      "node_modules/next/package.json": bin({ next: "./dist/bin/next" }),
      "node_modules/next/dist/bin/next": "#!/usr/bin/env node\n",
      "node_modules/@remix-run/serve/package.json": bin({ "remix-serve": "dist/cli.js" }),
      "node_modules/@remix-run/serve/dist/cli.js": "",
      "node_modules/@react-router/serve/package.json": bin({ "react-router-serve": "bin.cjs" }),
      "node_modules/@react-router/serve/bin.cjs": "",
      "node_modules/vite/package.json": bin({ vite: "bin/vite.js" }),
      "node_modules/sh/package.json": bin("run.sh"),
      "node_modules/sh/run.sh": "#!/bin/sh\n",
      ".next/BUILD_ID": "1",
      "build/x.js": "",
      ".output/server/index.mjs": "",
      "dist/server/entry.mjs": "",
    };
    for (const [start, words] of [
      ["next start -p 80", ["node", "node_modules/next/dist/bin/next", "start", "-p", "80"]],
      ["next dev", ["node", "node_modules/next/dist/bin/next", "start"]],
      ["remix-serve ./build/x.js", ["node", "node_modules/@remix-run/serve/dist/cli.js", "./build/x.js"]],
      ["react-router-serve ./build", ["node", "node_modules/@react-router/serve/bin.cjs", "./build"]],
      ["nuxt start", ["node", ".output/server/index.mjs"]],
      ["astro preview", ["node", "dist/server/entry.mjs"]],
    ] as const) {
      assert.deepEqual(await commandOf(t, { dependencies, scripts: { start } }, files), words, start);
    }
    const why = (start: string, message: RegExp) =>
      refuses(t, { dependencies, devDependencies: { vite: "1" }, scripts: { start } }, { files, message });
    await why("vite preview", /scripts\.start: vite is a development dependency/);
    await why("gulp", /no package that the project depends on brings gulp/);
    await why("sh x", /sh is no program for Node\.js/);
  });

  it("is a tool's program, main, or a file with a usual name", async (t) => {
    assert.deepEqual(
      await commandOf(
        t,
        { name: "@a/t", bin: { t: "./cli.js", u: "u.js" }, main: "m.js" },
        { "cli.js": "", "m.js": "" },
      ),
      ["node", "/app/cli.js"],
    );
    assert.deepEqual(await commandOf(t, { main: "lib" }, { "lib/index.js": "" }), ["node", "lib/index.js"]);
    assert.deepEqual(await commandOf(t, { main: "gone.js" }, { "server.js": "" }), ["node", "server.js"]);
    assert.deepEqual(await commandOf(t, {}, { "src/index.ts": "" }), ["node", "src/index.ts"]);
  });

  it("is TypeScript only where Node.js runs that", async (t) => {
    const folder = await project(t, { scripts: { start: "node a.ts" } }, { "a.ts": "" });
    for (const [version, works] of [
      ["22.18.0", true],
      ["22.17.9", false],
      ["23.5.0", false],
      ["23.6.0", true],
      ["26.0.0", true],
    ] as const) {
      const opened = specOf(folder, { Env: [`NODE_VERSION=${version}`] });
      if (works) assert.deepEqual((await opened).spec.config.Cmd, ["node", "a.ts"]);
      else await assert.rejects(opened, { code: "INVALID_SPEC", message: /runs no TypeScript/ });
    }
    const old = await project(t, { engines: { node: "20" }, main: "a.ts" }, { "a.ts": "" });
    await assert.rejects(specOf(old, {}), { message: /Node\.js 20 runs no TypeScript/ });
  });

  it("is refused where nothing says it, with all that was looked at", async (t) => {
    await refuses(
      t,
      { scripts: { start: "node . || exit 1" }, main: "x.js" },
      {
        message:
          /doesn't say what is to be run: scripts\.start is more than a plain command; no bin; main is x\.js, which isn't there; no file index\.js, .*; give "cmd" in .*varve\.json/,
      },
    );
    await refuses(
      t,
      { scripts: { start: "node dist/x.js", build: "tsc" } },
      {
        message: /scripts\.start of .* runs dist\/x\.js, which isn't there; build the project first/,
      },
    );
    await refuses(
      t,
      { scripts: { start: "node bin/server.js", build: "node ace build" } },
      {
        files: { "bin/server.ts": "", "build/bin/server.js": "", "build/package.json": "{}" },
        message:
          /runs bin\/server\.js, which isn't there; it is in .*my-folder\/build, which is a project of its own: run `npm install` there, and `varve build build`$/,
      },
    );
    await refuses(t, { scripts: { start: "node -e 1" } }, { message: /runs node -e, and so no file/ });
    await refuses(t, { scripts: { start: "node ../x.js" } }, { message: /\.\.\/x\.js, which isn't there/ });
    await refuses(
      t,
      { scripts: { start: "node dist/x.js" } },
      {
        files: { "dist/x.js": "", ".dockerignore": "dist\n" },
        message:
          /dist\/x\.js, which is to be run .* stays out .*"dist".*; let it in with "include": \["dist"\]/,
      },
    );
  });

  it("is looked for without changing anything", async (t) => {
    const folder = await project(t, { name: "x" }, HI);
    await specOf(folder);
    assert.deepEqual(readdirSync(folder).sort(), ["index.js", "package.json"]);
    assert.equal(readFileSync(`${folder}/package.json`, "utf8"), '{"name":"x"}');
  });
});
