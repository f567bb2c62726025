/** `varve serve`, as somebody at a terminal has it. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, truncateSync, writeFileSync } from "node:fs";
import { describe, it, type TestContext } from "node:test";
import { digestOf } from "#oci";
import { hostileImage, writeArchive, writeLayout } from "../../support/hostile-text.ts";
import { writeProject } from "../../support/npm-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { sourceCommand, varve } from "../../support/varve.ts";

const PATIENCE = { timeout: 300_000 };

/** Starts `varve serve` at a port that is free; it is killed with the test. */
async function serving(t: TestContext, args: readonly string[], cwd: string) {
  const [node, ...program] = sourceCommand;
  const child = spawn(node, [...program, "serve", "--listen", "0", ...args], {
    cwd,
    stdio: ["ignore", "ignore", "pipe"],
  });
  t.after(() => child.kill("SIGKILL"));
  const ended = once(child, "exit");
  let stderr = "";
  const waiting = new Set<() => void>();
  child.stderr.on("data", (chunk: Buffer) => {
    stderr += chunk;
    for (const tell of waiting) tell();
  });
  ended.then(() => {
    for (const tell of waiting) tell();
  });
  /** Waits until it has said something; the text is left out of the next wait. */
  let from = 0;
  const said = async (pattern: RegExp): Promise<RegExpExecArray> => {
    for (;;) {
      const match = pattern.exec(stderr.slice(from));
      if (match !== null) {
        from += match.index + match[0].length;
        return match;
      }
      if (child.exitCode !== null) throw new Error(`it ended without saying ${pattern}\n${stderr}`);
      await new Promise<void>((resolve) => waiting.add(resolve));
    }
  };
  const [, port] = await said(/^Listening on localhost:(\d+);/);
  return {
    ...{ child, ended, said, host: `localhost:${port}` },
    log: () => stderr,
    get: async (path: string) => {
      const response = await fetch(`http://127.0.0.1:${port}/v2/${path}`);
      return Buffer.from(await response.arrayBuffer());
    },
  };
}

/** A folder with a project and a spec of it that needs no base. */
async function projectFolder(t: TestContext): Promise<string> {
  const folder = await temporaryFolder(t);
  writeProject(`${folder}/project`);
  writeFileSync(
    `${folder}/project/varve.json`,
    '{"name": "ghcr.io/me/app", "tag": "1", "fromImage": "scratch"}',
  );
  return folder;
}

describe("varve serve", PATIENCE, () => {
  it("says what it serves, and ends cleanly when it is asked to", async (t) => {
    const folder = await projectFolder(t);
    await writeArchive(await hostileImage(), `${folder}/My Image.tar`);
    await writeLayout(await hostileImage(), `${folder}/layout`);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const { child, ended, host, log, said } = await serving(
        t,
        ["project", "My Image.tar", "oci:layout:1"],
        folder,
      );
      await said(/Try: .*\n/);
      assert.match(log(), new RegExp(`^  ${host}/me/app  1, latest  \\(project\\)$`, "m"));
      assert.match(log(), new RegExp(`^  ${host}/layout  1, latest  \\(oci:layout:1\\)$`, "m"));
      assert.match(log(), new RegExp(`^Try: docker pull ${host}/me/app$`, "m"));
      child.kill(signal);
      assert.deepEqual(await ended, [0, null]);
    }
  });

  it("answers others, and ends, while an image is being made that takes an hour", async (t) => {
    const folder = await projectFolder(t);
    mkdirSync(`${folder}/store`);
    writeFileSync(`${folder}/store/endless`, "");
    truncateSync(`${folder}/store/endless`, 2 ** 42);
    writeFileSync(
      `${folder}/graph.json`,
      JSON.stringify([{ path: `${folder}/store/endless`, references: [] }]),
    );
    writeFileSync(`${folder}/endless.json`, '{"name": "endless", "graph": "graph.json"}');
    const { child, ended, get } = await serving(t, ["project", "endless.json"], folder);
    const never = get("endless/manifests/latest").catch(() => "cut off");
    await get("me/app/manifests/latest");
    child.kill("SIGTERM");
    assert.deepEqual(await ended, [0, null]);
    await never;
  });

  it("has the image that build makes, and archives and layouts as they are", async (t) => {
    const folder = await projectFolder(t);
    await writeArchive(await hostileImage(), `${folder}/a.tar`);
    await writeLayout(await hostileImage(), `${folder}/layout`);
    const { host } = await serving(t, ["project", "docker-archive:a.tar", "oci:layout:1"], folder);
    const configOf = async (place: string) => {
      const { code, stdout, stderr } = await varve(["validate", place, "--json"], { cwd: folder });
      assert.equal(code, 0, stderr);
      return JSON.parse(stdout.toString());
    };
    const build = await varve(["build", "project", "-o", "oci:built:1", "--compression", "none"], {
      cwd: folder,
    });
    assert.equal(build.code, 0, build.stderr);
    assert.deepEqual(await configOf(`docker://${host}/me/app`), await configOf("oci:built:1"));
    assert.deepEqual(await configOf(`docker://${host}/layout:1`), await configOf("oci:layout:1"));
    await configOf(`docker://${host}/app:1`);
  });

  it("has an index with all its images, each read when it is asked for", async (t) => {
    const folder = await projectFolder(t);
    const platforms = ["linux/amd64", "linux/arm64"];
    const build = await varve(["build", "project", "-o", "oci:both:2", "--platform", platforms.join()], {
      cwd: folder,
    });
    assert.equal(build.code, 0, build.stderr);
    const { host, get } = await serving(t, ["oci:both:2"], folder);
    const index = JSON.parse((await get("both/manifests/2")).toString()) as {
      manifests: { digest: string; platform: { architecture: string } }[];
    };
    assert.deepEqual(
      index.manifests.map(({ platform }) => platform.architecture),
      ["amd64", "arm64"],
    );
    for (const { digest } of index.manifests)
      assert.equal(digestOf(await get(`both/manifests/${digest}`)), digest);
    for (const platform of platforms) {
      const { code, stderr } = await varve(["validate", `docker://${host}/both:2`, "--platform", platform]);
      assert.equal(code, 0, stderr);
    }
    const gone = JSON.parse((await get(`both/manifests/sha256:${"0".repeat(64)}`)).toString());
    assert.equal(gone.errors[0].code, "MANIFEST_UNKNOWN");
  });

  it("makes the image anew when files change, and keeps the last one while there is a mistake", async (t) => {
    const folder = await projectFolder(t);
    const { get, said, log } = await serving(t, ["project", "--watch"], folder);
    const digest = async () => digestOf(await get("me/app/manifests/latest"));
    const first = await digest();
    await said(/me\/app: 1, latest is sha256:/);
    writeFileSync(`${folder}/project/index.js`, "changed");
    await said(/index\.js has changed/);
    await said(/me\/app: 1, latest is sha256:/);
    const second = await digest();
    assert.notEqual(second, first);
    // What isn't in the image makes no other.
    writeFileSync(`${folder}/project/.env`, "SECRET=1");
    await said(/\.env has changed\n(.*\n)*me\/app: the image is the same\n/);
    assert.equal(log().match(/^The image is /gm)?.length, 1, "what there is to say of it is said once");
    writeFileSync(`${folder}/project/varve.json`, "{");
    await said(/me\/app: .*varve\.json.*; what was made before stays\n/);
    assert.equal(await digest(), second);
  });

  it("says what it can't serve", async (t) => {
    const folder = await projectFolder(t);
    const failing = async (...args: string[]) => {
      const { code, stderr } = await varve(["serve", ...args], { cwd: folder });
      return [code, stderr] as const;
    };
    const [twice, same] = await failing("project", "project", "--listen", "0");
    assert.equal(twice, 2);
    assert.match(same, /project and project would both be served as me\/app/);
    assert.equal((await failing("gone.tar"))[0], 1);
    assert.equal((await failing("project", "--listen", "x"))[0], 2);
    const { host } = await serving(t, ["project"], folder);
    const [code, taken] = await failing("project", "--listen", host.replace("localhost", "127.0.0.1"));
    assert.equal(code, 1);
    assert.match(taken, /cannot listen on 127\.0\.0\.1:\d+: another program does so already/);
  });
});
