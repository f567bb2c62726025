/** What a newcomer meets in a Node.js project: one clear sentence for what is missing, and what to do. */
import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { beforeEach, describe, it, type TestContext } from "node:test";
import { writeInstalled } from "../../support/installed-project.ts";
import { mustRun, run } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

/** Nix's words, and those of varve's inside. */
const FOREIGN = /\b(components?|store paths?|graphs?|closure|customisation|derivation)\b/i;

describe("varve in a Node.js project", () => {
  let folder: string;
  beforeEach(async (t) => {
    folder = await temporaryFolder(t as TestContext);
    const lock = { lockfileVersion: 3, packages: { "": {}, "node_modules/dep": { version: "1.0.0" } } };
    writeInstalled(folder, {
      files: {
        "index.js": "1",
        "package-lock.json": JSON.stringify(lock),
        "node_modules/.package-lock.json": JSON.stringify({
          ...lock,
          packages: { "node_modules/dep": { version: "1.0.0" } },
        }),
      },
      packages: { "node_modules/dep": { name: "dep", version: "1.0.0" } },
    });
    writeFileSync(
      `${folder}/package.json`,
      JSON.stringify({ name: "app", version: "1.0.0", dependencies: { dep: "1" } }),
    );
  });
  const remove = (...paths: string[]) => {
    for (const path of paths) rmSync(`${folder}/${path}`, { recursive: true });
  };
  const build = (...args: string[]) =>
    varve(["build", "--from", "scratch", ...args], {
      cwd: folder,
      env: { DOCKER_HOST: `unix://${folder}/no.sock`, VARVE_BASE: undefined },
    });
  /** The sentence, which is one, of a command that fails. */
  const failure = async (finished: ReturnType<typeof build>, code = 1) => {
    const { code: found, stderr } = await finished;
    assert.equal(found, code, stderr);
    const errors = stderr.split("\n").filter((line) => line.startsWith("Error: "));
    assert.equal(errors.length, 1, stderr);
    assert.doesNotMatch(stderr.replaceAll(folder, ""), FOREIGN);
    return errors[0]!;
  };

  it("says what makes a folder a project", async () => {
    remove("package.json", "package-lock.json", "node_modules", "index.js");
    assert.match(
      await failure(build("-o", "x.tar")),
      /has neither package\.json nor varve\.json; .*npm init/,
    );
  });

  it("says how packages are installed, where no lock file is, and where packages are missing", async () => {
    remove("node_modules");
    assert.match(await failure(build("-o", "x.tar")), /node_modules\/dep.* is not installed; run `npm ci`/);
    remove("package-lock.json");
    assert.match(
      await failure(build("-o", "x.tar")),
      /no lock file.*; run npm install, or that of your package manager/,
    );
  });

  it("says how to name a command", async () => {
    remove("index.js");
    assert.match(
      await failure(build("-o", "x.tar")),
      /doesn't say what is to be run.*give "cmd" in .*varve\.json/,
    );
  });

  it("says that there is no Docker daemon", async () => {
    assert.match(
      await failure(build("--load")),
      /cannot reach a Docker daemon at .*; start it, or set DOCKER_HOST/,
    );
  });

  it("says that it is the base that can't be read, and how to name another", async () => {
    const sentence = await failure(build("--from", "127.0.0.1:1/node:24", "-o", "x.tar"));
    assert.match(sentence, /the base image 127\.0\.0\.1:1\/node:24 .*the connection was refused.*--from/);
    const missing = await failure(build("--from", "oci:nowhere", "-o", "x.tar"));
    assert.match(missing, /the base image oci:nowhere .*it does not exist.*--from/);
  });

  it("says what to see to where a registry doesn't answer", async () => {
    const sentence = await failure(build("--push", "127.0.0.1:1/app"));
    assert.match(sentence, /cannot reach 127\.0\.0\.1:1: the connection was refused; .*name/);
  });

  it("takes a project's files for no specs", async () => {
    mkdirSync(`${folder}/src`);
    for (const file of ["src/app.ts", "Dockerfile", "compose.yaml"]) writeFileSync(`${folder}/${file}`, "x");
    for (const file of ["package.json", "package-lock.json", "src/app.ts", "Dockerfile", "compose.yaml"]) {
      const sentence = await failure(varve(["build", file, "-o", "x.tar"], { cwd: folder }));
      assert.match(sentence, new RegExp(`${file} is no spec; .*varve build \\.$`));
    }
    mkdirSync(`${folder}/sub`);
    const { stderr } = await varve(["build", "../package.json", "-o", "x.tar"], { cwd: `${folder}/sub` });
    assert.match(stderr, /varve build \.\.$/m);
  });

  it("asks where the image is to go before it does anything, on a terminal", {
    skip: requires("pty"),
  }, async () => {
    const command = [...sourceCommand, "build"].map((word) => `'${word}'`).join(" ");
    const { code, stdout } = await run(["script", "-qec", command, "/dev/null"], { cwd: folder });
    assert.match(stdout.toString(), /^Error: .*--load.*--push.*--output.*\r\n$/);
    assert.equal(code, 2);
  });

  it("speaks of packages in its plan, too", async () => {
    const { stdout } = await build("--dry-run");
    const plan = stdout.toString().split("\n\n").slice(1).join("\n\n");
    assert.match(plan, /: 2 packages, .* 2 of packages;/s);
    writeFileSync(`${folder}/package.json`, JSON.stringify({ dependencies: { dep: "1" } }));
    const nameless = (await varve(["plan", "--from", "scratch"], { cwd: folder })).stdout.toString();
    assert.match(nameless, / {2}1 {2}the project +nearly all updates: the project$/m);
    assert.doesNotMatch(plan, FOREIGN);
    const found = await build("--exclude", "dep", "-o", "x.tar");
    assert.match(
      found.stderr,
      /exclude names "dep", which is no package's path in the project; that of dep is node_modules\/dep/,
    );
  });

  it("shows what it has built without other words", async () => {
    const { code, stderr } = await build("-o", "x.tar", "--verbose");
    assert.equal(code, 0, stderr);
    assert.doesNotMatch(stderr, FOREIGN);
    const table = await mustRun([...sourceCommand, "inspect", "x.tar"], { cwd: folder });
    assert.match(table, /LAYER +SIZE +PACKAGES +DIGEST/);
    assert.match(table, /^ +\d+ +[\d.]+ kB +the project +sha256:/m);
    assert.doesNotMatch(table, FOREIGN);
  });
});
