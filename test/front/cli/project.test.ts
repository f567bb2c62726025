import assert from "node:assert/strict";
import {
  appendFileSync,
  existsSync,
  readFileSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { createServer } from "node:net";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { names } from "../../support/tar.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { type Tree, writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

const CANARY = "canary-7f3a91";
const secret: Tree = { file: CANARY };
const json = (value: unknown): Tree => ({ file: JSON.stringify(value) });
const key: Tree = { file: `-----BEGIN PRIVATE KEY-----\n${CANARY}\n` };

/** A project with npm's layout, with much in it that belongs in no image. */
function writeOddProject(folder: string): void {
  const packages = {
    "node_modules/@dev/tool": { version: "1.0.0", dev: true },
    "node_modules/@s/lib": { version: "1.0.0" },
    "node_modules/base": { version: "1.0.0" },
  };
  const manifest = {
    name: "@me/odd",
    version: "2.0.0",
    scripts: { start: "node dist/index.js" },
    dependencies: { "@s/lib": "1", base: "1" },
    devDependencies: { "@dev/tool": "1" },
  };
  const lock = { lockfileVersion: 3, packages };
  const installed = (name: string) => ({ dir: { "package.json": json({ name, version: "1.0.0" }) } });
  writeTree(folder, {
    dir: {
      ".DS_Store": secret,
      ".cache": { dir: { x: secret } },
      ".dockerignore": { file: "# What Docker leaves out.\nnode_modules\ntest\n*.md\n!README.md\n" },
      ".env": secret,
      ".env.production": secret,
      ".git": { dir: { config: secret, HEAD: { file: "ref: refs/heads/main\n" } } },
      ".idea": { dir: { x: secret } },
      ".next": { dir: { cache: { dir: { x: secret } }, BUILD_ID: { file: "1" } } },
      ".npmrc": { file: `//registry.example/:_authToken=${CANARY}\n` },
      ".turbo": { dir: { x: secret } },
      ".vscode": { dir: { "settings.json": secret } },
      ".yarnrc.yml": { file: `npmAuthToken: ${CANARY}\n` },
      "CHANGES.md": secret,
      Dockerfile: secret,
      "README.md": { file: "read me" },
      certs: {
        dir: {
          "ca.pem": { file: "-----BEGIN CERTIFICATE-----\n" },
          id_ed25519: key,
          "server.key": key,
          "server.pem": key,
        },
      },
      config: { dir: { ".env.local": secret, "coverage.json": { file: "{}" }, "x.local": secret } },
      coverage: { dir: { "lcov.info": secret } },
      dist: { dir: { "index.js": { file: "1" }, "index.js.map": { file: "{}" } } },
      links: {
        dir: {
          dangling: { link: "../gone" },
          good: { link: "../dist/index.js" },
          toSecret: { link: "../.env" },
          toDev: { link: "../node_modules/@dev/tool" },
          toLib: { link: "../node_modules/@s/lib/package.json" },
        },
      },
      node_modules: {
        dir: {
          ".bin": {
            dir: { lib: { link: "../@s/lib/package.json" }, tool: { link: "../@dev/tool/package.json" } },
          },
          ".cache": { dir: { x: secret } },
          ".modules.yaml": secret,
          ".package-lock.json": json(lock),
          ".pnpm-workspace-state-v1.json": secret,
          ".vite": { dir: { x: secret } },
          "@dev": { dir: { tool: installed("@dev/tool") } },
          "@s": { dir: { lib: installed("@s/lib") } },
          base: installed("base"),
        },
      },
      "package-lock.json": json(lock),
      "package.json": json(manifest),
      test: { dir: { "a.js": secret, node_modules: { dir: { "b.js": secret } } } },
    },
  });
}

const STAYS = [
  "/app/.next",
  "/app/.next/BUILD_ID",
  "/app/README.md",
  "/app/certs",
  "/app/certs/ca.pem",
  "/app/config",
  "/app/config/coverage.json",
  "/app/dist",
  "/app/dist/index.js",
  "/app/dist/index.js.map",
  "/app/links",
  "/app/links/good",
  "/app/links/toLib",
  "/app/node_modules",
  "/app/node_modules/.bin",
  "/app/node_modules/.bin/lib",
  "/app/node_modules/@s",
  "/app/node_modules/@s/lib",
  "/app/node_modules/@s/lib/package.json",
  "/app/node_modules/base",
  "/app/node_modules/base/package.json",
  "/app/package.json",
];

describe("varve in a project's folder", () => {
  let folder: string;
  beforeEach(async (t) => {
    folder = await temporaryFolder(t as TestContext);
    writeOddProject(`${folder}/project`);
  });
  const file = (name: string) => `${folder}/project/${name}`;
  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    varve(args, { cwd: file(""), env: { ...process.env, ...env } });
  const succeed = async (args: readonly string[], env?: Record<string, string>) => {
    const finished = await run(args, env);
    assert.equal(finished.code, 0, finished.stderr);
    return finished;
  };
  /** The names in all layers that a build makes, and its words. */
  const build = async (...args: string[]) => {
    const image = `${folder}/image.tar`;
    const { stderr } = await succeed(["build", "--from", "scratch", "-o", image, ...args]);
    const tree = `${folder}/root.tar`;
    rmSync(tree, { force: true });
    await succeed(["export", image, "-o", tree]);
    return { names: (await names(readFileSync(tree))).sort(), stderr, bytes: readFileSync(image) };
  };
  /** What is below the project's folder in the image. */
  const plain = (found: readonly string[]) =>
    [...new Set(found.map((name) => `/${name.replace(/\/$/, "")}`))]
      .filter((name) => name.startsWith("/app/"))
      .sort();

  it("builds without a word of what, and leaves out what belongs in no image", async () => {
    const { names, stderr, bytes } = await build();
    assert.deepEqual(plain(names), [...STAYS].sort());
    assert.ok(!bytes.includes(CANARY));
    // Without a base there is no Node.js, and the build says so.
    const lines = stderr.split("\n").filter((line) => !/^Warning: .*needs a base/.test(line));
    assert.match(lines[0]!, /^The image is me\/odd:2\.0\.0 \(from package\.json\), with packages of npm$/);
    assert.match(
      lines[1]!,
      /^It runs `node dist\/index\.js` \(from scripts\.start\) with NODE_ENV=production /,
    );
    assert.match(lines[2]!, /^\d+ paths stay out of the image \(.*secrets 8,.*\); --verbose names them$/);
    assert.match(lines[3]!, /^ {2}app +1 layer +[\d.]+ kB {2}written$/);
    assert.match(lines[4]!, /^ {2}dependencies +1 layer +2 packages +[\d.]+ kB {2}written$/);
    assert.match(
      lines[5]!,
      /^Wrote me\/odd:2\.0\.0 to docker-archive:\S+ in \d.* s: [\d.]+ kB written \(uncompressed\)$/,
    );
    assert.match(lines[6]!, /^ {2}sha256:[0-9a-f]{64}$/);
    assert.match(lines[7]!, /^Next: it needs a base to run: varve build --from IMAGE$/);
    assert.deepEqual(lines.slice(8), [""]);
  });

  it("names what stays out, if it is asked to, and nothing with --quiet", async () => {
    const { stderr } = await build("--verbose");
    assert.match(stderr, /^ {2}\.env \(secrets\)$/m);
    assert.match(stderr, /^ {2}CHANGES\.md \(\.dockerignore: \*\.md\)$/m);
    assert.match(stderr, /^ {2}links\/toSecret \(links that lead nowhere\)$/m);
    assert.match(stderr, /^ {2}node_modules\/\.bin\/tool \(traces of other packages\)$/m);
    assert.match(stderr, /^ {2}links\/toDev \(links that lead nowhere\)$/m);
    assert.match(stderr, /^ {2}node_modules\/@dev \(traces of other packages\)$/m);
    assert.match(
      stderr,
      /^ +\d+ {2}[0-9a-f]{12} +[\d.]+ kB {2}written {2}dependencies {2}@s\/lib@1\.0\.0, .*$/m,
    );
    assert.doesNotMatch(stderr, /component|store path|customisation|graph/i);
    assert.equal((await build("--quiet")).stderr, "");
  });

  it("leaves out and lets in what the spec says, secrets only by their names", async () => {
    writeFileSync(
      file("varve.json"),
      JSON.stringify({ ignore: [".next", "dist/*.map"], include: ["**", "test/*.js", "config/.env.local"] }),
    );
    const { names } = await build();
    // An exception lets in what it names, and nothing beside it.
    writeFileSync(file("varve.json"), JSON.stringify({ include: ["test/*.js"] }));
    assert.deepEqual(plain((await build()).names), [...STAYS, "/app/test", "/app/test/a.js"].sort());
    const out = ["/app/.next", "/app/.next/BUILD_ID", "/app/dist/index.js.map"];
    // "**" lets everything in that patterns leave out, and no secret.
    const more = [
      "/app/.next",
      "/app/.next/BUILD_ID",
      "/app/dist/index.js.map",
      "/app/CHANGES.md",
      "/app/test",
      "/app/test/a.js",
      "/app/test/node_modules",
      "/app/test/node_modules/b.js",
      "/app/config/.env.local",
    ];
    assert.deepEqual(plain(names), [...STAYS.filter((name) => !out.includes(name)), ...more].sort());
  });

  it("leaves the same out where the graph is named by its lock file", async () => {
    writeFileSync(file("varve.json"), '{ "graph": "package-lock.json" }');
    assert.ok(!(await build()).bytes.includes(CANARY));
  });

  it("gives notes of links that are absolute and of what is no file, and leaves sockets out", async (t) => {
    symlinkSync("/etc/hosts", file("links/absolute"));
    const server = createServer().listen(file("socket"));
    t.after(() => server.close());
    await new Promise((resolve) => server.once("listening", resolve));
    const { names, stderr } = await build();
    assert.match(stderr, /Note: links\/absolute is a link to \/etc\/hosts, an absolute path, and stays one/);
    assert.match(stderr, /Note: socket is neither a file, a folder nor a link, and stays out/);
    assert.ok(!names.some((name) => name.endsWith("socket")));
  });

  it("makes the same image of the same project in another folder", async (t) => {
    const digest = async (at: string) => {
      const { stdout } = await varve([
        "build",
        at,
        "--from",
        "scratch",
        "-o",
        `${folder}/i.tar`,
        "--json",
        "-q",
      ]);
      return JSON.parse(stdout.toString())[0].digest;
    };
    const other = await temporaryFolder(t as TestContext);
    writeOddProject(`${other}/elsewhere`);
    assert.equal(await digest(`${other}/elsewhere`), await digest(file("")));
    // What stays out doesn't change it, either.
    appendFileSync(`${other}/elsewhere/.env`, "more");
    unlinkSync(`${other}/elsewhere/.npmrc`);
    assert.equal(await digest(`${other}/elsewhere`), await digest(file("")));
  });

  it("shows the derived spec and the plan, and builds nothing, with --dry-run", async () => {
    const { stdout } = await succeed(["build", "--dry-run"], { VARVE_BASE: "scratch" });
    const text = stdout.toString();
    assert.equal(JSON.parse(text.slice(0, text.indexOf("\n\n"))).cmd, "node dist/index.js");
    assert.match(text, /\n\nPlan: +me\/odd:2\.0\.0: 3 packages/);
    const { stdout: machine } = await succeed(["build", "--dry-run", "--json", "--from", "scratch"]);
    const { spec, plan } = JSON.parse(machine.toString());
    assert.deepEqual([spec.graph, spec.user, typeof plan], [".", "65532:65532", "object"]);
  });

  it("writes the spec down, once, and builds by it", async () => {
    await succeed(["init"], { VARVE_BASE: "scratch" });
    const spec = JSON.parse(readFileSync(file("varve.json"), "utf8"));
    assert.deepEqual([spec.name, spec.cmd, spec.tag], ["me/odd", "node dist/index.js", undefined]);
    assert.match(spec.$schema, /spec\.schema\.json$/);
    // The next build keeps to the layers of the last one, which the repository has.
    assert.equal(spec.lockFile, "layers.lock.json");
    const again = await run(["init"]);
    assert.equal(again.code, 1);
    assert.match(again.stderr, /varve\.json: it is there already/);
    writeFileSync(file("varve.json"), JSON.stringify({ ...spec, cmd: "node other.js" }));
    const { stdout } = await succeed(["build", "--dry-run", "--json", "--from", "scratch"]);
    assert.equal(JSON.parse(stdout.toString()).spec.cmd, "node other.js");
    // By its path it is a spec like any other, but what it says of files counts.
    const { names, bytes } = await build("varve.json");
    assert.ok(!bytes.includes(CANARY));
    assert.deepEqual(plain(names), [...STAYS].sort());
    assert.deepEqual(plain((await build("varve.json")).names), [...STAYS].sort());
    assert.equal(JSON.parse(readFileSync(file("layers.lock.json"), "utf8")).version, 1);
  });

  it("leaves nothing out for a spec elsewhere that doesn't say so", async () => {
    writeFileSync(`${folder}/spec.json`, JSON.stringify({ name: "x", graph: "project" }));
    const image = `${folder}/image.tar`;
    // Secrets are in it, which the check would refuse.
    await succeed(["build", `${folder}/spec.json`, "--no-check", "-o", image]);
    assert.ok(readFileSync(image).includes(CANARY));
  });

  it("can be planned and compared", async () => {
    await build();
    const { stdout } = await succeed(["plan", "."]);
    assert.match(stdout.toString(), /^Your code: .*\nOne dependency: .*\n\nPlan: /);
    writeFileSync(file("varve.json"), '{ "fromImage": "scratch" }');
    assert.match((await succeed(["plan", "."])).stdout.toString(), /^Plan: +me\/odd:2\.0\.0: 3 packages/m);
    const why = await succeed(["why", `${folder}/image.tar`, ".", "--json"]);
    assert.ok(JSON.parse(why.stdout.toString()).layers);
    assert.match(why.stderr, /Note: the image is me\/odd:2\.0\.0/);
  });

  it("refuses to leave out what isn't there", async () => {
    const image = `${folder}/image.tar`;
    const gone = await run(["build", "--from", "scratch", "-o", image, "--exclude", "base"]);
    assert.equal(gone.code, 1);
    assert.match(
      gone.stderr,
      /exclude names "base", which is no package's path in the project; that of base is node_modules\/base/,
    );
    assert.ok(!existsSync(image));
  });
});
