import assert from "node:assert/strict";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { names } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

const CANARY = "canary-52c0d9";
const secret: Tree = { file: CANARY };
const json = (value: unknown): Tree => ({ file: JSON.stringify(value) });
const installed = (name: string, version: string): Tree => ({
  dir: { "package.json": json({ name, version }), "index.js": { file: name } },
});

/** A project that Next.js has built with `output: "standalone"`, installed in pnpm's way. */
function writeNextProject(folder: string): void {
  const manifest = {
    name: "web",
    version: "1.0.0",
    scripts: { build: "next build", start: "next start" },
    dependencies: { next: "15" },
    devDependencies: { tool: "1" },
  };
  const server = {
    "server.js": { file: "1" },
    ".env": secret,
    ".env.production": secret,
    ".next": { dir: { BUILD_ID: { file: "1" }, cache: { dir: { x: secret } }, server: { dir: {} } } },
    ".npmrc": secret,
    certs: { dir: { "a.key": { file: `-----BEGIN PRIVATE KEY-----\n${CANARY}` } } },
    lib: { dir: { dist: { dir: { "a.js": { file: "a" } } }, gone: { link: "../.env" } } },
    node_modules: {
      dir: {
        ".cache": { dir: { x: secret } },
        ".modules.yaml": secret,
        ".pnpm": {
          dir: {
            "next@15": {
              dir: {
                node_modules: {
                  dir: {
                    next: installed("next", "15.0.0"),
                    react: { link: "../../react@19/node_modules/react" },
                  },
                },
              },
            },
            "react@19": { dir: { node_modules: { dir: { react: installed("react", "19.0.0") } } } },
          },
        },
        next: { link: ".pnpm/next@15/node_modules/next" },
        untraced: { link: ".pnpm/untraced@1/node_modules/untraced" },
      },
    },
    "package.json": json(manifest),
  } as const satisfies Record<string, Tree>;
  writeTree(folder, {
    dir: {
      ".dockerignore": { file: ".next\n**/node_modules\n**/dist\n*.md\n" },
      ".env": secret,
      ".next": {
        dir: {
          BUILD_ID: { file: "1" },
          cache: { dir: { x: secret } },
          standalone: { dir: server },
          static: { dir: { "a.css": { file: "a" }, "a.js.map": { file: "{}" } } },
        },
      },
      "app.js": secret,
      "package.json": json(manifest),
      public: { dir: { "robots.txt": { file: "r" } } },
    },
  });
}

const IN_IMAGE = [
  ...["/app/.next", "/app/.next/BUILD_ID", "/app/.next/server", "/app/.next/static"],
  ...["/app/.next/static/a.css", "/app/.next/static/a.js.map", "/app/certs", "/app/lib", "/app/lib/dist"],
  ...["/app/lib/dist/a.js", "/app/node_modules", "/app/node_modules/.pnpm", "/app/node_modules/next"],
  ...[
    "/app/node_modules/.pnpm/next@15",
    "/app/node_modules/.pnpm/next@15/node_modules",
    "/app/node_modules/.pnpm/next@15/node_modules/next",
    "/app/node_modules/.pnpm/next@15/node_modules/next/index.js",
    "/app/node_modules/.pnpm/next@15/node_modules/next/package.json",
    "/app/node_modules/.pnpm/next@15/node_modules/react",
    "/app/node_modules/.pnpm/react@19",
    "/app/node_modules/.pnpm/react@19/node_modules",
    "/app/node_modules/.pnpm/react@19/node_modules/react",
    "/app/node_modules/.pnpm/react@19/node_modules/react/index.js",
    "/app/node_modules/.pnpm/react@19/node_modules/react/package.json",
  ],
  ...["/app/package.json", "/app/public", "/app/public/robots.txt", "/app/server.js"],
];

describe("varve build of a project whose framework has put out all that it needs", () => {
  let folder: string;
  beforeEach(async (t) => {
    folder = await temporaryFolder(t as TestContext);
    writeNextProject(`${folder}/web`);
  });
  const run = (...args: string[]) => varve(args, { cwd: `${folder}/web` });
  const build = async (...args: string[]) => {
    const image = `${folder}/image.tar`;
    const { code, stderr } = await run("build", "--from", "scratch", "-o", image, ...args);
    assert.equal(code, 0, stderr);
    rmSync(`${folder}/root.tar`, { force: true });
    await run("export", image, "-o", `${folder}/root.tar`);
    const found = (await names(readFileSync(`${folder}/root.tar`))).map(
      (name) => `/${name.replace(/\/$/, "")}`,
    );
    const inApp = [...new Set(found)].filter((name) => name.startsWith("/app/")).sort();
    return { inApp, stderr, bytes: readFileSync(image) };
  };
  const say = (spec: object) => writeFileSync(`${folder}/web/varve.json`, JSON.stringify(spec));

  it("has that and nothing else, without secrets, caches and what leads nowhere, whatever .dockerignore says", async () => {
    const { inApp, stderr, bytes } = await build("--verbose");
    assert.deepEqual(inApp, [...IN_IMAGE].sort());
    assert.ok(!bytes.includes(CANARY));
    assert.match(stderr, /It runs `node server\.js` \(from \.next\/standalone\)/);
    assert.match(stderr, /HOSTNAME is 0\.0\.0\.0, since /);
    assert.match(stderr, /NODE_OPTIONS=--enable-source-maps/);
    for (const line of [
      ".next/standalone/.env (secrets)",
      ".next/standalone/.next/cache (caches)",
      ".next/standalone/lib/gone (links that lead nowhere)",
      ".next/standalone/node_modules/.modules.yaml (package managers' files)",
      ".next/standalone/node_modules/untraced (links that lead nowhere)",
    ]) {
      assert.ok(stderr.includes(`  ${line}\n`), line);
    }
  });

  it("has its packages as components, and all else as one", async () => {
    const { stdout } = await run("build", "--from", "scratch", "--dry-run", "--json");
    const { spec, plan } = JSON.parse(stdout.toString());
    assert.deepEqual(spec.files, [
      { from: ".next/standalone", to: "/app" },
      { from: ".next/static", to: "/app/.next/static" },
      { from: "public", to: "/app/public" },
    ]);
    assert.deepEqual([spec.graph, spec.omit, spec.config.WorkingDir], [undefined, undefined, "/app"]);
    const ids = plan.plan.layers.flatMap(({ components }: { components: { id: string }[] }) =>
      components.map(({ id }) => id),
    );
    assert.deepEqual(ids.sort(), [".", "node_modules/.pnpm/next@15", "node_modules/.pnpm/react@19"]);
  });

  it("leaves out and lets in what the spec says of them, by paths from its folder", async () => {
    const dev = {
      include: ["**/.env.production"],
      ignore: [".next/standalone/lib", "**/*.css", "**/node_modules"],
    };
    say(dev);
    const { inApp } = await build();
    const out = ["/app/lib", "/app/lib/dist", "/app/lib/dist/a.js", "/app/.next/static/a.css"];
    const expected = [...IN_IMAGE.filter((name) => !out.includes(name)), "/app/.env.production"];
    assert.deepEqual(inApp, expected.sort());
  });

  it("is the same by the spec that follows from it, wherever that is", async () => {
    const derived = (await build("--tag", "t")).bytes;
    await run("init");
    const spec = JSON.parse(readFileSync(`${folder}/web/varve.json`, "utf8"));
    assert.deepEqual([spec.graph, spec.files?.length, spec.cmd], [undefined, 3, "node server.js"]);
    assert.deepEqual((await build("--tag", "t")).bytes, derived);
    rmSync(`${folder}/web/varve.json`);
    const files = [
      { from: "web/.next/standalone", to: "/app" },
      { from: "web/public/robots.txt", to: "/srv/robots" },
    ];
    writeFileSync(`${folder}/spec.json`, JSON.stringify({ name: "x", files, ignore: ["web/**/lib"] }));
    const { inApp, bytes } = await build(`${folder}/spec.json`);
    assert.ok(!bytes.includes(CANARY));
    assert.ok(!inApp.includes("/app/lib") && inApp.includes("/app/server.js"));
    const root = await names(readFileSync(`${folder}/root.tar`));
    assert.ok(root.includes("srv/robots") || root.includes("/srv/robots"), root.join());
  });

  it("has files beside the project where the spec has both, earlier files first", async () => {
    writeTree(`${folder}/web/package-lock.json`, json({ lockfileVersion: 3, packages: {} }));
    writeTree(`${folder}/web/first`, { dir: { "a.txt": { file: "first" } } });
    writeTree(`${folder}/web/second`, { dir: { "a.txt": { file: "second" }, "b.txt": { file: "b" } } });
    writeTree(`${folder}/web/a.txt`, { file: "own" });
    const manifest = JSON.parse(readFileSync(`${folder}/web/package.json`, "utf8"));
    const plain = { ...manifest, dependencies: {}, devDependencies: {} };
    writeFileSync(`${folder}/web/package.json`, JSON.stringify(plain));
    say({
      graph: ".",
      cmd: "node app.js",
      ignore: [".next"],
      files: [
        { from: "first", to: "/app/" },
        { from: "second", to: "/app" },
      ],
    });
    const { inApp } = await build();
    const all = ["a.txt", "app.js", "b.txt", "first", "first/a.txt", "package.json"];
    const more = ["public", "public/robots.txt", "second", "second/a.txt", "second/b.txt"];
    assert.deepEqual(
      inApp,
      [...all, ...more].map((name) => `/app/${name}`),
    );
    // The file's content comes right behind its header's block.
    const root = readFileSync(`${folder}/root.tar`);
    const at = root.indexOf("app/a.txt\0");
    assert.equal(root.subarray(at + 512, at + 517).toString(), "first");
  });
});

it("packages for development are in the image with --include dev, whatever omits them", async (t) => {
  const folder = `${await temporaryFolder(t)}/project`;
  const packages = {
    "node_modules/a": { version: "1.0.0" },
    "node_modules/tool": { version: "1.0.0", dev: true },
  };
  const lock = json({ lockfileVersion: 3, packages });
  writeTree(folder, {
    dir: {
      node_modules: {
        dir: { ".package-lock.json": lock, a: installed("a", "1.0.0"), tool: installed("tool", "1.0.0") },
      },
      "index.js": { file: "1" },
      "package-lock.json": lock,
      "package.json": json({ name: "p", dependencies: { a: "1" }, devDependencies: { tool: "1" } }),
    },
  });
  const ids = async (...args: string[]) => {
    const { stdout, stderr } = await varve(args, { cwd: folder });
    const parsed = JSON.parse(stdout.toString() || JSON.stringify(stderr));
    const layers: { components: { id: string }[] }[] = (parsed.plan.plan ?? parsed.plan).layers;
    return layers.flatMap(({ components }) => components.map(({ id }) => id)).sort();
  };
  const dry = ["build", "--from", "scratch", "--dry-run", "--json"];
  const [some, all] = [
    [".", "node_modules/a"],
    [".", "node_modules/a", "node_modules/tool"],
  ];
  assert.deepEqual(await ids(...dry), some);
  assert.deepEqual(await ids(...dry, "--include", "dev"), all);
  assert.deepEqual(await ids(...dry, "--include=dev", "--omit=dev"), all);
  assert.deepEqual(await ids("plan", ".", "--json", "--omit", "dev"), some);
  writeFileSync(`${folder}/varve.json`, '{ "omit": ["dev"], "fromImage": "scratch" }');
  assert.deepEqual(await ids(...dry), some);
  assert.deepEqual(await ids(...dry, "--include", "dev"), all);
  assert.deepEqual(await ids("plan", ".", "--json", "--include", "dev"), all);
  writeFileSync(`${folder}/varve.json`, '{ "omit": [] }');
  assert.deepEqual(await ids(...dry), all);
  for (const [type, message] of [
    ["peer", /It must be dev; peer packages are in the image if they are installed/],
    [".env", /files are let in by "include" in the spec/],
  ] as const) {
    const { code, stderr } = await varve([...dry, "--include", type], { cwd: folder });
    assert.equal(code, 2);
    assert.match(stderr, message);
  }
});
