/**
 * Real projects, each built as it is, without a spec, put into the Docker Engine, run there, and asked over HTTP.
 */
import assert from "node:assert/strict";
import { copyFileSync, cpSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { after, before, describe, it } from "node:test";
import { gunzipSync } from "node:zlib";
import { mustRun, run } from "../support/process.ts";
import { requires } from "../support/systems.ts";
import { stacked, temporaryFolder } from "../support/tmp.ts";
import { asked, stopped } from "./support/asked.ts";
import { type Dockerd, startDockerd } from "./support/dockerd.ts";
import { type Images, startImages } from "./support/images.ts";
import { pushNodeBase } from "./support/node-bases.ts";
import { CANARY, type RealProject, realProject } from "./support/real-projects.ts";
import { type Registry, startRegistry } from "./support/registry.ts";

/** How an image gets to the engine. */
type Way = "--load" | "--push";

interface Server {
  readonly project: RealProject;
  /** The folder in it that is built; by default all of it. */
  readonly app?: string;
  readonly way: Way;
  readonly port?: number;
  /** What is asked for, and what is in the answer. */
  readonly answers: Readonly<Record<string, RegExp>>;
  /** What is run. */
  readonly runs: string;
}

const api = { answers: { "/": /^from api, 2 minutes$/ }, runs: "node index.js" };
const web = { answers: { "/here": /^from web at \/here, 2 minutes, 1m$/ }, runs: "node server.js" };
const koa = { answers: { "/": /^\{"from":"koa"\}$/ } };
const hono = { answers: { "/": /^\{"from":"hono"\}$/ }, runs: "node index.js" };

const SERVERS: Readonly<Record<string, Server>> = {
  Express: {
    project: "express",
    way: "--load",
    answers: { "/": /^\{"from":"express","as":"production"\}$/ },
    runs: "node server.js",
  },
  "Fastify in TypeScript, compiled": {
    project: "fastify",
    way: "--push",
    answers: { "/": /^\{"from":"fastify","options":"--enable-source-maps --import=.*"\}$/ },
    runs: "node dist/server.js",
  },
  "Fastify in TypeScript as it is, installed by pnpm": {
    project: "pnpm",
    way: "--load",
    answers: { "/": /^\{"from":"types"\}$/ },
    runs: "node src/server.ts",
  },
  "Nest with 280 packages": {
    project: "nest",
    way: "--push",
    answers: { "/": /^\{"from":"nest","token":true\}$/, "/docs-json": /"paths":\{"\/":/ },
    runs: "node dist/main.js",
  },
  Next: {
    project: "next",
    way: "--load",
    answers: { "/": /from next, .*production/, "/api": /^\{"from":"next"\}$/, "/robots.txt": /^User-agent/ },
    runs: "next-server",
  },
  "Next, standalone": {
    project: "next-standalone",
    way: "--push",
    answers: {
      "/": /from next, .*production/,
      "/api": /^\{"from":"next"\}$/,
      "/robots.txt": /^User-agent/,
    },
    runs: "next-server",
  },
  Astro: {
    project: "astro",
    way: "--push",
    port: 4321,
    answers: { "/": /from astro, production/ },
    runs: "node dist/server/entry.mjs",
  },
  "sharp, better-sqlite3, esbuild and bcrypt": {
    project: "natives",
    way: "--load",
    answers: { "/": /^\{"bcrypt":true,"sqlite":42,"esbuild":"let x = 1;","sharp":"2x3"\}$/ },
    runs: "node index.js",
  },
  "Koa, hoisted by pnpm": { project: "pnpm-hoisted", way: "--push", ...koa, runs: "node index.js" },
  "Koa, by yarn without node_modules": {
    project: "yarn4-pnp",
    way: "--load",
    ...koa,
    runs: "node -r /app/.pnp.cjs index.js",
  },
  "Hono, hoisted by bun": { project: "bun", way: "--push", ...hono },
  "Hono, isolated by bun": { project: "bun-isolated", way: "--load", ...hono },
  "one application of npm's workspace": {
    project: "npm-workspace",
    app: "apps/api",
    way: "--load",
    ...api,
  },
  "the other application of npm's workspace": {
    project: "npm-workspace",
    app: "apps/web",
    way: "--push",
    ...web,
  },
  "one application of pnpm's workspace": {
    project: "pnpm-workspace",
    app: "apps/api",
    way: "--push",
    ...api,
  },
  "the other application of pnpm's workspace": {
    project: "pnpm-workspace",
    app: "apps/web",
    way: "--load",
    ...web,
  },
  "an application of yarn 1's workspace": {
    project: "yarn1-workspace",
    app: "apps/api",
    way: "--load",
    ...api,
  },
  "an application of yarn 4's workspace": {
    project: "yarn4-workspace",
    app: "apps/web",
    way: "--push",
    ...web,
  },
};

/** Somebody who isn't root. */
const STRANGER = 31_337;

describe("real projects", { skip: requires("docker", "registry", "npm") }, () => {
  const scope = stacked({ after });
  let images: Images;
  let registry: Registry;
  let dockerd: Dockerd;
  let base: string;
  let stranger: Stranger;

  before(async () => {
    images = await startImages(scope);
    registry = await startRegistry(scope);
    dockerd = await startDockerd(scope);
    base = await pushNodeBase(images, registry);
    stranger = await makeStranger(await temporaryFolder(scope));
  });

  /** Builds a project's image, as its author would; its reference. */
  async function built(folder: string, way: Way): Promise<string> {
    const blobs = `oci:${join(images.folder, "blobs")}:${unique()}`;
    const options = { cwd: folder, env: { VARVE_BASE: base, DOCKER_HOST: `unix://${dockerd.socket}` } };
    const pushed = `${registry.host}/project:${unique()}`;
    const places = way === "--load" ? ["--load"] : ["--push", pushed];
    // The least that is compressed: what is in the layers matters here.
    const how = ["--compression", "gzip:1", "--json"];
    const [{ names, config }] = JSON.parse(
      await images.varve(["build", ...places, "--output", blobs, ...how], options),
    );
    digests.set(folder, config);
    if (way === "--load") return names[0];
    const { code, stderr } = await dockerd.docker(["pull", "--quiet", pushed]);
    assert.equal(code, 0, stderr);
    return pushed;
  }
  const digests = new Map<string, string>();
  let count = 0;
  const unique = () => `n${++count}`;

  for (const [name, server] of Object.entries(SERVERS)) {
    const { project, app = ".", way, port = 3000, answers, runs } = server;
    it(`${name}: built with ${way} it answers, isn't root, and ends when it is told to`, async () => {
      const folder = join(await realProject(project), app);
      const container = await dockerd.start(await built(folder, way));
      for (const [path, expected] of Object.entries(answers)) {
        const { status, text, uid, command, wrong } = await asked(dockerd, { container, port, path });
        assert.equal(status, 200, text);
        assert.match(text, expected);
        assert.equal(uid, 1000);
        assert.deepEqual(wrong, []);
        assert.ok(command.join(" ").startsWith(runs), command.join(" "));
      }
      const code = await stopped(dockerd, container);
      // Of itself, or by the signal; 137 would say that it had to be killed.
      assert.ok(code === 0 || code === 143, `${code}`);
      await dockerd.docker(["rm", "--force", container]);
    });
  }

  it("a command-line tool gets its arguments", async () => {
    const image = await built(await realProject("tool"), "--load");
    assert.equal(await dockerd.output(image, ["Ada"]), "Hello, Ada\n");
    assert.equal(await dockerd.output(image, ["--loud", "Ada"]), "HELLO, ADA\n");
  });

  it("no blob has what is in secret files", () => {
    const folder = join(images.folder, "blobs/blobs/sha256");
    let searched = 0;
    for (const name of readdirSync(folder)) {
      const bytes = readFileSync(join(folder, name));
      const content = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
      assert.ok(!content.includes(CANARY), name);
      searched++;
    }
    assert.ok(searched > 3 * digests.size, `${searched}`);
  });

  it("are the same image in another folder, at another time, under another umask, by another user", async () => {
    assert.ok(digests.size > 0);
    for (const [folder, digest] of digests) {
      const root = folder.replace(/\/apps\/\w+$/, "");
      const copy = await stranger.copy(root);
      assert.equal(await stranger.build(join(copy, folder.slice(root.length)), base), digest, folder);
      rmSync(copy, { recursive: true });
    }
  });
});

interface Stranger {
  /** Copies a project: new times, modes of another umask, another owner. */
  copy(project: string): Promise<string>;
  /** Builds a project's image; its config's digest. */
  build(folder: string, base: string): Promise<string>;
}

/** Gives somebody who isn't root a varve and a Node.js of their own, since they may not be let in where this one is. */
async function makeStranger(home: string): Promise<Stranger> {
  const repository = new URL("../../", import.meta.url).pathname;
  mkdirSync(join(home, "varve/node_modules"), { recursive: true });
  cpSync(join(repository, "dist"), join(home, "varve/dist"), { recursive: true });
  const own = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  copyFileSync(join(repository, "package.json"), join(home, "varve/package.json"));
  for (const name of Object.keys(own.dependencies)) {
    mkdirSync(dirname(join(home, "varve/node_modules", name)), { recursive: true });
    cpSync(join(repository, "node_modules", name), join(home, "varve/node_modules", name), {
      recursive: true,
    });
  }
  copyFileSync(process.execPath, join(home, "node"));
  const give = (path: string) => mustRun(["chown", "-hR", `${STRANGER}:${STRANGER}`, path]);
  await give(home);
  const become = ["setpriv", "--reuid", `${STRANGER}`, "--regid", `${STRANGER}`, "--clear-groups"] as const;
  const env = {
    HOME: home,
    TMPDIR: home,
    DOCKER_CONFIG: home,
    VARVE_CACHE_DIR: join(home, "cache"),
    TZ: "Asia/Tokyo",
    LC_ALL: "C.UTF-8",
  };
  let count = 0;
  return {
    async copy(project) {
      const copy = join(home, `copies/${++count}`);
      mkdirSync(dirname(copy), { recursive: true });
      await mustRun(["cp", "--recursive", "--no-dereference", project, copy]);
      await mustRun(["chmod", "-R", "g-rwx,o-rwx", copy]);
      await give(join(home, "copies"));
      return copy;
    },
    async build(folder, base) {
      const command = [join(home, "node"), join(home, "varve/dist/bin.js"), "build", "--json"];
      const place = `oci:${join(home, "layout")}:n${count}`;
      const { code, stdout, stderr } = await run(
        [...become, ...command, "--output", place, "--compression", "none"],
        { cwd: folder, env: { ...env, VARVE_BASE: base } },
      );
      assert.equal(code, 0, stderr);
      const [{ config }] = JSON.parse(stdout.toString());
      return config;
    },
  };
}
