import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { openProject } from "#project";
import type { SpecFields } from "#spec";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";

type Files = Readonly<Record<string, string>>;

async function project(t: TestContext, manifest: object, files: Files): Promise<string> {
  const folder = `${await temporaryFolder(t)}/project`;
  const root: Record<string, Tree> = { "package.json": { file: JSON.stringify(manifest) } };
  for (const [path, file] of Object.entries(files)) {
    const parts = path.split("/");
    let dir = root;
    for (const part of parts.slice(0, -1)) {
      dir[part] ??= { dir: {} };
      dir = (dir[part] as { dir: Record<string, Tree> }).dir;
    }
    dir[parts.at(-1)!] = { file };
  }
  writeTree(folder, { dir: root });
  return folder;
}

async function derived(t: TestContext, manifest: object, files: Files, given: SpecFields = {}) {
  const folder = await project(t, manifest, files);
  const opened = await openProject(folder, { base: "scratch", change: (own) => ({ ...own, ...given }) });
  const { spec, fields, notes } = opened.onBase(undefined);
  const { WorkingDir, Cmd, Env = [] } = spec.config;
  const placed = spec.files?.map(({ from, to }) => `${from.slice(folder.length + 1)} ${to}`);
  return { graph: spec.graph, files: placed, WorkingDir, run: Cmd?.join(" "), Env, fields, notes };
}

const start = (start: string, more: object = {}) => ({ scripts: { start, build: "make" }, ...more });

describe("what a framework has put out in one piece", () => {
  const standalone = ".next/standalone";

  it("is the image's whole content: Next.js's standalone output, where it is in its workspace", async (t) => {
    const files = {
      [`${standalone}/apps/web/server.js`]: "",
      [`${standalone}/apps/web/.next/BUILD_ID`]: "",
      [`${standalone}/node_modules/next/server.js`]: "",
      ".next/static/a.css": "",
      ".next/BUILD_ID": "",
    };
    for (const manifest of [
      start("next start"),
      start(`NODE_ENV=production node ${standalone}/apps/web/server.js`),
      { dependencies: { next: "15" } },
    ]) {
      const { graph, files: placed, WorkingDir, run, Env } = await derived(t, manifest, files);
      assert.deepEqual(placed, [`${standalone} /app`, ".next/static /app/apps/web/.next/static"]);
      assert.deepEqual([graph, WorkingDir, run], [undefined, "/app/apps/web", "node server.js"]);
      assert.ok(Env.includes("HOSTNAME=0.0.0.0"));
    }
  });

  it("is Nitro's output of Nuxt and others", async (t) => {
    const files = { ".output/server/index.mjs": "", ".output/public/a.css": "" };
    for (const manifest of [
      start("nuxt start"),
      start("nuxi preview"),
      start("nuxt dev"),
      start("node .output/server/index.mjs"),
      { devDependencies: { nuxt: "3" } },
      start("vite preview", { dependencies: { nitro: "3" } }),
      { dependencies: { nitro: "3" }, scripts: { dev: "vite dev", build: "vite build" } },
      { devDependencies: { nitropack: "2" } },
      start("vinxi start"),
      { scripts: { start: "npm run build && npm run serve", serve: "nuxt start" } },
    ]) {
      const found = await derived(t, manifest, files);
      assert.deepEqual(found.files, [".output /app/.output"], JSON.stringify(manifest));
      assert.deepEqual([found.WorkingDir, found.run], ["/app", "node .output/server/index.mjs"]);
    }
  });

  it("isn't taken where the spec says what is in the image or what is run, or another script does", async (t) => {
    const files = { [`${standalone}/server.js`]: "", [`${standalone}/.next/a`]: "", "server.js": "" };
    const alone = await derived(t, start("node server.js"), files);
    assert.deepEqual([alone.files, alone.run], [undefined, "node server.js"]);
    const said = await derived(t, start("next start"), files, { cmd: "node server.js" });
    assert.deepEqual([said.files, said.run, said.fields.graph], [undefined, "node server.js", "."]);
  });

  it("gives the command for files that a spec names, where these have it", async (t) => {
    const files = { [`${standalone}/server.js`]: "", [`${standalone}/.next/a`]: "" };
    const named = { files: [{ from: standalone, to: "/srv" }] };
    const found = await derived(t, start("next start"), files, named);
    assert.deepEqual(
      [found.files, found.WorkingDir, found.run],
      [[`${standalone} /srv`], "/srv", "node server.js"],
    );
    const own = { "dist/index.js": "", "lib/a.js": "" };
    const placed = (...files: { from: string; to: string }[]) =>
      derived(t, start("node dist/index.js"), own, { files });
    const inPlace = await placed({ from: "dist", to: "/app/dist" });
    assert.deepEqual([inPlace.WorkingDir, inPlace.run], ["/app", "node dist/index.js"]);
    const elsewhere = await placed({ from: "lib", to: "/app/lib" }, { from: "dist", to: "/srv" });
    assert.equal(elsewhere.run, "node /srv/index.js");
    await assert.rejects(placed({ from: "lib", to: "/app" }), {
      code: "INVALID_SPEC",
      message: /dist\/index\.js, which is to be run \(from scripts\.start\), is in none of the spec's files/,
    });
    await assert.rejects(placed({ from: "out", to: "/app" }), {
      code: "NOT_FOUND",
      message: /files names .*\/out, which isn't there; .* `npm run build`/,
    });
    await assert.rejects(
      derived(t, start("node dist/index.js"), own, { files: [{ from: "dist", to: "app" }] }),
      {
        code: "INVALID_SPEC",
        message: /files.*must be an absolute path in the image, such as \/app/,
      },
    );
    const secret = { files: [{ from: "dist", to: "/app/dist" }], ignore: ["dist/index.js"] };
    await assert.rejects(derived(t, start("node dist/index.js"), own, secret), {
      message: /dist\/index\.js, which is to be run .* stays out of the image/,
    });
  });
});

describe("a framework's server", () => {
  it("is run by its file, and listens to others", async (t) => {
    for (const [manifest, file, run, env] of [
      [start("astro preview"), "dist/server/entry.mjs", undefined, "HOST=0.0.0.0"],
      [{ dependencies: { "@astrojs/node": "9" } }, "dist/server/entry.mjs", undefined, "HOST=0.0.0.0"],
      [start("astro dev"), "dist/server/entry.mjs", undefined, "HOST=0.0.0.0"],
      [start("HOST=:: astro dev"), "dist/server/entry.mjs", undefined, "HOST=::"],
      [
        start("node ./dist/server/entry.mjs", { dependencies: { "@astrojs/node": "9" } }),
        "dist/server/entry.mjs",
        undefined,
        "HOST=0.0.0.0",
      ],
      [start("node ./dist/server/entry.mjs"), "dist/server/entry.mjs"],
      [{ devDependencies: { "@sveltejs/adapter-node": "5" } }, "build/index.js", undefined, undefined],
      [start("vite preview", { devDependencies: { "@sveltejs/adapter-node": "5" } }), "build/index.js"],
      [start("ng serve", { dependencies: { "@angular/ssr": "22" } }), "dist/a/server/server.mjs"],
      [start("nest start --watch"), "dist/main.js"],
      [{ dependencies: { "@nestjs/core": "11" } }, "dist/src/main.js"],
      [
        { scripts: { start: "nest start", "start:prod": "node out/main" } },
        "out/main.js",
        "node out/main.js",
      ],
    ] as const) {
      const found = await derived(t, manifest, { [file]: "" });
      assert.equal(found.run, run ?? `node ${file}`, JSON.stringify(manifest));
      const hosts = found.Env.filter((entry) => entry.startsWith("HOST"));
      assert.deepEqual(hosts, env === undefined ? [] : [env]);
      assert.equal(
        found.notes.some((note) => note.startsWith("HOST is")),
        env?.endsWith("=0.0.0.0") ?? false,
      );
    }
  });

  it("isn't there before the project is built, which is said with the command for that", async (t) => {
    // Who only uses a framework's packages says what is run.
    const used = await derived(t, { dependencies: { "@nestjs/core": "11" }, main: "x.js" }, { "x.js": "" });
    assert.equal(used.run, "node x.js");
    const remix = { "node_modules/@remix-run/serve/package.json": '{"bin":{"remix-serve":"cli.js"}}' };
    const more = {
      ...remix,
      "node_modules/tool/package.json": '{"bin":"cli.js"}',
      "node_modules/tool/cli.js": "",
      "src/main.ts": "",
      "node_modules/@remix-run/serve/cli.js": "",
      "pnpm-lock.yaml": "",
    };
    for (const [manifest, missing] of [
      [start("next start"), "needs \\.next/BUILD_ID"],
      [start("nuxt start"), "runs \\.output/server/index\\.mjs"],
      [start("astro preview"), "runs dist/server/entry\\.mjs"],
      [start("nest start"), "runs dist/main\\.js"],
      [start("ng serve", { dependencies: { "@angular/ssr": "22" } }), "runs dist/\\*/server/server\\.mjs"],
      [start("remix-serve a.mjs", { dependencies: { "@remix-run/serve": "2" } }), "serves a\\.mjs"],
      [start("tool run out/a.js", { dependencies: { tool: "2" } }), "starts tool with out/a\\.js"],
      [
        { devDependencies: { "@sveltejs/adapter-node": "5" }, scripts: { build: "vite build" } },
        "runs build/index\\.js",
      ],
      [
        start("remix-serve ./build/x.js", { dependencies: { "@remix-run/serve": "2" } }),
        "serves \\./build/x\\.js",
      ],
    ] as const) {
      await assert.rejects(derived(t, manifest, more), {
        code: "INVALID_SPEC",
        message: new RegExp(`${missing}, which isn't there; build the project first: \`pnpm run build\`$`),
      });
    }
  });
});

describe("a file that is run", () => {
  it("is said with why what the project says first isn't", async (t) => {
    for (const [manifest, note] of [
      [start("node b.js | tee log"), "scripts.start isn't used: it is more than a plain command"],
      [start("cd lib && node b.js"), "scripts.start isn't used: it is more than a plain command"],
      [start("tsx a.ts"), "scripts.start isn't used: no package that the project depends on brings tsx"],
      [{ main: "gone.js" }, "main isn't used: it is gone.js, which isn't there"],
      [{}, undefined],
    ] as const) {
      const { run, notes } = await derived(t, manifest, { "index.js": "" });
      assert.equal(run, "node index.js");
      assert.deepEqual(
        notes.filter((each) => each.includes("isn't used")),
        note === undefined ? [] : [note],
      );
    }
  });
});
