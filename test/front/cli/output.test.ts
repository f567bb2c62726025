import assert from "node:assert/strict";
import { mkdirSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { assertFailed } from "../../support/failure.ts";
import { writeProject } from "../../support/npm-project.ts";
import { run } from "../../support/process.ts";
import { writeCase } from "../../support/stream-oracle.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

/** A folder with a project, a spec for it, an image of it, and a conf. */
async function projectFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  writeProject(`${folder}/project`);
  writeFileSync(`${folder}/spec.json`, '{"name": "image", "graph": "project"}');
  return folder;
}

/** Runs a shell script that finds varve's command line in "$@". */
const script = (text: string, args: readonly string[], cwd: string) =>
  run(["bash", "-c", text, "bash", ...sourceCommand, ...args], { cwd });

describe("output that goes wrong ends a command with a sentence", { concurrency: 2 }, () => {
  const commands: Record<string, (folder: string) => readonly string[]> = {
    "--version": () => ["--version"],
    "--help": () => ["--help"],
    layers: () => ["layers", "project"],
    build: () => ["build", "spec.json"],
    stream: (folder) => ["stream", writeCase(`${folder}/case`, {})],
  };
  for (const [name, args] of Object.entries(commands)) {
    it(`when the disk under stdout of varve ${name} is full`, async (t) => {
      const folder = await projectFolder(t);
      assertFailed(
        await script('"$@" >/dev/full', args(folder), folder),
        /cannot write stdout: no space is left/,
      );
    });
  }

  it("when the disk under stdout of varve inspect is full", async (t) => {
    const folder = await projectFolder(t);
    assert.equal((await varve(["build", "spec.json", "-o", "image.tar"], { cwd: folder })).code, 0);
    for (const args of [
      ["inspect", "image.tar"],
      ["inspect", "--json", "image.tar"],
    ]) {
      assertFailed(await script('"$@" >/dev/full', args, folder), /cannot write stdout: no space is left/);
    }
  });

  it("but doesn't care whether anybody reads what is being done", async (t) => {
    const folder = await projectFolder(t);
    const { code } = await script('"$@" -o image.tar 2>/dev/full', ["build", "spec.json"], folder);
    assert.equal(code, 0);
    assert.equal((await varve(["inspect", "image.tar"], { cwd: folder })).code, 0);
  });

  for (const [what, output, wording] of [
    [
      "a folder that isn't there",
      "gone/image.tar",
      /cannot write .*gone\/image\.tar: its folder does not exist/,
    ],
    ["a folder", "folder", /folder/],
    ["a full disk", "/dev/full", /cannot write \/dev\/full: no space is left on the device/],
    [
      "a file where a folder should be",
      "spec.json/image.tar",
      /cannot write .*spec\.json\/image\.tar: a part of the path is not a directory/,
    ],
  ] as const) {
    it(`when --output is ${what}`, async (t) => {
      const folder = await projectFolder(t);
      mkdirSync(`${folder}/folder`);
      const before = readdirSync(folder);
      const place = `docker-archive:${output}`;
      assertFailed(await varve(["build", "spec.json", "--output", place], { cwd: folder }), wording);
      assert.deepEqual(readdirSync(folder), before);
      assert.deepEqual(readdirSync(`${folder}/folder`), []);
    });
  }
});

describe("a build that fails", () => {
  it("leaves the file that was there as it was, and nothing beside it", async (t) => {
    const folder = await projectFolder(t);
    writeFileSync(`${folder}/image.tar`, "last week's");
    rmSync(`${folder}/project/node_modules/dep`, { recursive: true });
    const before = readdirSync(folder);
    assertFailed(
      await varve(["build", "spec.json", "-o", "image.tar"], { cwd: folder }),
      /node_modules\/dep/,
    );
    assert.deepEqual(readdirSync(folder), before);
    assert.equal(readFileSync(`${folder}/image.tar`, "utf8"), "last week's");
  });
});

describe("an image's place", () => {
  it("may be named through a link, which stays", async (t) => {
    const folder = await projectFolder(t);
    mkdirSync(`${folder}/out`);
    writeFileSync(`${folder}/out/file.tar`, "");
    symlinkSync("out/file.tar", `${folder}/link.tar`);
    assert.equal((await varve(["build", "spec.json", "-o", "link.tar"], { cwd: folder })).code, 0);
    assert.ok(readFileSync(`${folder}/out/file.tar`).includes("manifest.json"));
    assert.deepEqual(readdirSync(`${folder}/out`), ["file.tar"]);
  });

  it("may be stdout, by its own name or by its device's, and gets the same bytes", async (t) => {
    const folder = await projectFolder(t);
    await varve(["build", "spec.json", "-o", "image.tar"], { cwd: folder });
    const bytes = readFileSync(`${folder}/image.tar`);
    assert.ok((await varve(["build", "spec.json"], { cwd: folder })).stdout.equals(bytes));
    // A pipe of the shell's: a program's own may be a socket, which nobody can open.
    const { stdout } = await script(
      '"$@" | cat',
      ["build", "spec.json", "-o", "docker-archive:/dev/stdout"],
      folder,
    );
    assert.ok(stdout.equals(bytes));
  });
});
