/** What ends a command before it is done: a signal, a reader that goes away, an input or a reader that has all the time. */
import assert from "node:assert/strict";
import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { once } from "node:events";
import {
  closeSync,
  constants as fsConstants,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  statSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { constants } from "node:os";
import { describe, it, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import { errnoOf } from "#errors";
import { assertFailed } from "../../support/failure.ts";
import { writeProject } from "../../support/npm-project.ts";
import { mustRun, run } from "../../support/process.ts";
import { writeCase } from "../../support/stream-oracle.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

const PATIENCE = { timeout: 300_000 };

/** A folder with a project, and a spec for it. */
async function projectFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  writeProject(`${folder}/project`);
  writeFileSync(`${folder}/spec.json`, '{"name": "image", "graph": "project"}');
  return folder;
}

/** A folder with a spec whose first layer is small, and whose second takes an hour to hash, without a byte on the disk. */
async function endlessBuild(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  const path = (name: string) => `${folder}/store/${name}`;
  mkdirSync(`${folder}/store`);
  mkdirSync(`${folder}/out`);
  writeFileSync(path("small"), "x");
  writeFileSync(path("endless"), "");
  truncateSync(path("endless"), 2 ** 42);
  const graph = [
    { path: path("endless"), references: [path("small")] },
    { path: path("small"), references: [] },
  ];
  writeFileSync(`${folder}/graph.json`, JSON.stringify(graph));
  // The most popular comes first, and that is the small one.
  writeFileSync(
    `${folder}/spec.json`,
    JSON.stringify({ name: "image", graph: "graph.json", strategy: "popularity" }),
  );
  return folder;
}

/** Starts varve; it is killed with the test. */
function start(t: TestContext, args: readonly string[], options: SpawnOptions): ChildProcess {
  const [node, ...program] = sourceCommand;
  const child = spawn(node, [...program, ...args], { stdio: ["ignore", "ignore", "pipe"], ...options });
  t.after(() => child.kill("SIGKILL"));
  return child;
}

/** How a program ended, as a shell has it in `$?`, and what it said. */
async function ending(child: ChildProcess): Promise<{ status: number; stderr: string }> {
  let stderr = "";
  child.stderr?.on("data", (chunk: Buffer) => {
    stderr += chunk;
  });
  const [code, signal] = (await once(child, "exit")) as [number | null, NodeJS.Signals | null];
  return { status: code ?? 128 + constants.signals[signal!], stderr };
}

/** Waits until the first layer is in the file aside; the second will not be. */
async function atWork(folder: string): Promise<void> {
  for (;;) {
    const [file] = readdirSync(`${folder}/out`);
    if (file !== undefined && statSync(`${folder}/out/${file}`).size > 0) return;
    await setTimeout(10);
  }
}

/** Waits until somebody has opened a pipe to read it, and keeps it open for writing without writing. */
async function whenOpened(t: TestContext, fifo: string): Promise<void> {
  for (;;) {
    try {
      const fd = openSync(fifo, fsConstants.O_WRONLY | fsConstants.O_NONBLOCK);
      t.after(() => closeSync(fd));
      return;
    } catch (error) {
      assert.equal(errnoOf(error), "ENXIO");
      await setTimeout(10);
    }
  }
}

describe("a signal", { concurrency: 2 }, () => {
  for (const [signal, status] of [
    ["SIGINT", 130],
    ["SIGTERM", 143],
    ["SIGHUP", 129],
  ] as const) {
    it(`${signal} leaves nothing of a build's output, and the status is ${status}`, PATIENCE, async (t) => {
      const folder = await endlessBuild(t);
      const child = start(t, ["build", "spec.json", "-o", "out/image.tar"], { cwd: folder });
      const end = ending(child);
      await atWork(folder);
      child.kill(signal);
      const ended = await end;
      assert.match(ended.stderr, /^Error: .* cancelled\n$/m);
      assert.equal(ended.status, status);
      assert.deepEqual(readdirSync(`${folder}/out`), []);
    });
  }

  it("SIGKILL leaves a file, which the next write to the same place removes", PATIENCE, async (t) => {
    const folder = await endlessBuild(t);
    const child = start(t, ["build", "spec.json", "-o", "out/image.tar"], { cwd: folder });
    const end = ending(child);
    await atWork(folder);
    child.kill("SIGKILL");
    await end;
    assert.equal(readdirSync(`${folder}/out`).length, 1);
    writeFileSync(`${folder}/out/other.tar.varve-1.tmp`, "another's");
    truncateSync(`${folder}/store/endless`, 0);
    const { code, stderr } = await varve(["build", "spec.json", "-o", "out/image.tar"], { cwd: folder });
    assert.equal(code, 0, stderr);
    assert.deepEqual(readdirSync(`${folder}/out`), ["image.tar", "other.tar.varve-1.tmp"]);
  });

  for (const [what, args] of Object.entries({
    "inspect PIPE": ["inspect", "pipe"],
    "inspect docker-archive:PIPE": ["inspect", "docker-archive:pipe"],
    "export oci-archive:PIPE": ["export", "oci-archive:pipe", "out.tar"],
    "build with a base from a pipe": ["build", "spec.json", "--from", "docker-archive:pipe", "-o", "a.tar"],
    "build with a graph from a pipe": ["build", "spec.json", "--graph", "pipe", "-o", "a.tar"],
    "build with weights from a pipe": ["build", "spec.json", "--weights", "pipe", "-o", "a.tar"],
    "build of a spec from a pipe": ["build", "pipe", "-o", "a.tar"],
    "plan of a pipe": ["plan", "pipe"],
    "stream of a conf from a pipe": ["stream", "pipe"],
  })) {
    it(`ends ${what} while there is nothing to read`, PATIENCE, async (t) => {
      const folder = await projectFolder(t);
      await mustRun(["mkfifo", `${folder}/pipe`]);
      const child = start(t, args, { cwd: folder });
      const ended = ending(child);
      await whenOpened(t, `${folder}/pipe`);
      child.kill("SIGINT");
      const { status, stderr } = await ended;
      assert.equal(status, 130, stderr);
      assert.doesNotMatch(stderr, /doesn't know/);
    });
  }

  for (const [what, args] of Object.entries({
    build: ["build", "spec.json"],
    plan: ["plan", "--json", "spec.json"],
  })) {
    it(`ends ${what} while nobody reads what it writes`, PATIENCE, async (t) => {
      const folder = await temporaryFolder(t);
      // More than a pipe holds, of names and of content.
      const names = Array.from({ length: 2000 }, (_, index) => `${index}`.padStart(200, "0"));
      for (const name of names) writeFileSync(`${folder}/${name}`, "");
      truncateSync(`${folder}/${names[0]}`, 50_000_000);
      const graph = names.map((name) => ({ path: `${folder}/${name}`, references: [] }));
      writeFileSync(`${folder}/graph.json`, JSON.stringify(graph));
      writeFileSync(`${folder}/spec.json`, JSON.stringify({ name: "image", graph: "graph.json" }));
      const child = start(t, args, { cwd: folder, stdio: ["ignore", "pipe", "pipe"] });
      const ended = ending(child);
      // Some of it has come, which is all that is taken.
      await once(child.stdout!, "readable");
      child.kill("SIGINT");
      assert.equal((await ended).status, 130);
    });
  }
});

describe("a reader that goes away", { concurrency: 2 }, () => {
  /** Runs a shell script that finds varve's command line in "$@". */
  const script = (text: string, args: readonly string[], cwd: string) =>
    run(["bash", "-c", text, "bash", ...sourceCommand, ...args], { cwd });
  /** The reader is gone before anything is written: the pipe's only reading end is the shell's own, and it is closed. */
  const gone = 'exec 3> >(exec 0<&-; exit); wait $!; "$@" >&3';

  for (const args of [
    ["--version"],
    ["--help"],
    ["layers", "project"],
    ["plan", "spec.json"],
    ["plan", "--json", "spec.json"],
    ["build", "spec.json", "--json", "--quiet", "-o", "image.tar"],
  ]) {
    it(`has read enough of varve ${args.join(" ")}`, async (t) => {
      const { code, stderr } = await script(gone, args, await projectFolder(t));
      assert.deepEqual({ code, stderr }, { code: 0, stderr: "" });
    });
  }

  it("of an image ends the command as SIGPIPE would, without a word", async (t) => {
    const folder = await projectFolder(t);
    for (const args of [
      ["build", "--quiet", "spec.json"],
      ["stream", writeCase(`${folder}/case`, {})],
    ]) {
      const { code, stderr } = await script(gone, args, folder);
      assert.equal(code, 128 + constants.signals.SIGPIPE);
      assert.doesNotMatch(stderr, /Error/);
      const piped = await script('set -o pipefail; "$@" | head -c 1 >/dev/null', args, folder);
      assert.ok(piped.code === 0 || piped.code === 141, `ended with ${piped.code}`);
      assert.doesNotMatch(piped.stderr, /Error/);
    }
  });
});

describe("an input", { concurrency: 2 }, () => {
  for (const [what, args] of Object.entries({
    "an image": ["inspect", "/dev/zero"],
    "an archive": ["inspect", "docker-archive:/dev/zero"],
    "a base": ["build", "spec.json", "--from", "oci-archive:/dev/zero", "-o", "a.tar"],
    "a spec": ["build", "/dev/zero"],
    "a spec or graph": ["plan", "/dev/zero"],
    "a graph": ["build", "spec.json", "--graph", "/dev/zero", "-o", "a.tar"],
    weights: ["build", "spec.json", "--weights", "/dev/zero", "-o", "a.tar"],
    "a layout": ["build", "spec.json", "--layers-from", "/dev/zero", "-o", "a.tar"],
    certificates: ["inspect", "--cacert", "/dev/zero", "localhost:1/a"],
    "the image's certificates": ["build", "certificates.json", "-o", "a.tar"],
    "a script": ["build", "script.json", "-o", "a.tar"],
    "a conf": ["stream", "/dev/zero"],
    "an image compared": ["why", "/dev/zero", "/dev/zero"],
  })) {
    it(`that never ends is refused: ${what}`, PATIENCE, async (t) => {
      const folder = await projectFolder(t);
      const spec = (fields: object) => JSON.stringify({ name: "image", graph: "project", ...fields });
      writeFileSync(`${folder}/certificates.json`, spec({ caCertificates: "/dev/zero" }));
      writeFileSync(`${folder}/script.json`, spec({ extraCommands: { file: "/dev/zero" } }));
      const finished = await varve(args, { cwd: folder });
      assertFailed(finished, /\/dev\/zero.*(a device|not a regular file)/);
    });
  }

  it("of a document that is too large is given up", PATIENCE, async (t) => {
    const folder = await projectFolder(t);
    for (const args of [
      ["build", "/dev/stdin"],
      ["build", "spec.json", "--weights", "/dev/stdin", "-o", "a.tar"],
    ]) {
      const finished = await run(["bash", "-c", 'cat /dev/zero | "$@"', "bash", ...sourceCommand, ...args], {
        cwd: folder,
      });
      assertFailed(finished, /\/dev\/stdin is larger than \d+ bytes/);
    }
  });

  it("may come through a pipe", PATIENCE, async (t) => {
    const folder = await projectFolder(t);
    const through = (text: string) => run(["bash", "-c", text, "bash", ...sourceCommand], { cwd: folder });
    const built = await through(
      '"$@" build <(cat spec.json) --graph <(cat project/package-lock.json) -o image.tar',
    );
    assert.notEqual(built.code, 0, "a lock file's project is where the file is");
    const spec = await through(
      '"$@" build spec.json -o image.tar; "$@" build <(sed s:project:$PWD/project: spec.json)',
    );
    assert.equal(spec.code, 0, spec.stderr);
    assert.ok(spec.stdout.equals(readFileSync(`${folder}/image.tar`)));
    const whole = await varve(["inspect", "image.tar"], { cwd: folder });
    for (const text of [
      '"$@" inspect <(cat image.tar)',
      '"$@" inspect docker-archive:<(gzip image.tar; cat image.tar.gz)',
      'gunzip image.tar.gz; cat image.tar | "$@" inspect docker-archive:-',
      '"$@" inspect docker-archive:- <image.tar',
    ]) {
      const { stdout, stderr } = await through(text);
      assert.equal(stdout.toString(), whole.stdout.toString(), stderr);
    }
  });
});
