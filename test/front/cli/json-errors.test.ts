import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { describe, it } from "node:test";
import { pathToFileURL } from "node:url";
import { COMMANDS } from "../../../src/front/cli/commands.ts";
import { writeProject } from "../../support/npm-project.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { writeTree } from "../../support/tree.ts";
import { varve } from "../../support/varve.ts";

/** What a command prints that fails with `--json`; its whole stdout is one document. */
function errorOf(stdout: Buffer): { code: string; message: string } {
  const { error, ...others } = JSON.parse(stdout.toString());
  assert.deepEqual([others, Object.keys(error)], [{}, ["code", "message"]]);
  return error;
}

describe("a command that fails with --json", { concurrency: 2 }, () => {
  const closed = "127.0.0.1:1/app:1";
  for (const [name, args, code, status] of [
    ["build", ["build", "nowhere", "-o", "x.tar"], "NOT_FOUND", 1],
    ["copy", ["copy", "nowhere.tar", "x.tar"], "NOT_FOUND", 1],
    ["push", ["push", "nowhere.tar", closed], "NOT_FOUND", 1],
    ["pull", ["pull", closed, "x.tar"], "NETWORK", 1],
    ["load", ["load", "nowhere.tar"], "NOT_FOUND", 1],
    ["index create", ["index", "create", "oci:x:1", "nowhere.tar"], "NOT_FOUND", 1],
    ["inspect", ["inspect", "nowhere.tar"], "NOT_FOUND", 1],
    ["plan", ["plan", "nowhere"], "NOT_FOUND", 1],
    ["why", ["why", "nowhere.tar", "nowhere.json"], "NOT_FOUND", 1],
    ["validate", ["validate", "nowhere.tar"], "NOT_FOUND", 1],
    ["an option that nobody knows", ["inspect", "x.tar", "--nope"], "USAGE", 2],
    ["a command that nobody knows", ["biuld"], "USAGE", 2],
    ["a bad value", ["cache", "prune", "--max-age", "many"], "USAGE", 2],
    ["a missing argument", ["copy", "x.tar"], "USAGE", 2],
    ["no command", [], "USAGE", 2],
  ] as const) {
    it(`says so on stdout: ${name}`, async (t) => {
      const cwd = await temporaryFolder(t);
      const { code: exit, stdout, stderr } = await varve([...args, "--json"], { cwd });
      const error = errorOf(stdout);
      assert.deepEqual([exit, error.code], [status, code], stderr);
      assert.match(error.message, /\S/);
      assert.doesNotMatch(error.message, /^error/i);
      const plain = await varve(args, { cwd });
      // It is said to people, too, as without.
      if (name !== "no command") assert.equal(stderr, plain.stderr);
      assert.equal(exit, plain.code);
      assert.equal(plain.stdout.length, 0);
    });
  }

  it("says what could be meant", async () => {
    const { stdout } = await varve(["inspect", "x.tar", "--jsno", "--json"]);
    assert.equal(errorOf(stdout).message, "unknown option '--jsno' (Did you mean --json?)");
  });

  it("writes foreign text so that it can be shown", async () => {
    const { stdout } = await varve(["inspect", "no\u001b[31m\u202ewhere.tar", "--json"]);
    assert.doesNotMatch(stdout.toString(), /[\u001b\u202e]/);
    assert.match(errorOf(stdout).message, /\u001b\[31m\u202ewhere/);
  });

  it("says nothing where it is the value of an option, or what is left of the line", async () => {
    for (const args of [
      ["inspect", "--", "--json"],
      ["build", "nowhere", "--name=--json"],
    ]) {
      assert.equal((await varve(args)).stdout.length, 0);
    }
  });

  it("tells of an interruption, and of a fault of varve", async (t) => {
    const cwd = await temporaryFolder(t);
    writeProject(`${cwd}/project`);
    writeTree(`${cwd}/preload`, {
      dir: {
        "fault.mjs": { file: `globalThis.BigInt = () => { throw new TypeError("no reason"); };` },
        "interrupt.mjs": {
          file: `import net from "node:net"; const { connect } = net.Socket.prototype;
            net.Socket.prototype.connect = function (...args) { process.kill(process.pid, "SIGINT"); return connect.apply(this, args); };`,
        },
      },
    });
    const run = async (preload: string, ...args: string[]) => {
      const env = { NODE_OPTIONS: `--import=${pathToFileURL(`${cwd}/preload/${preload}.mjs`)}` };
      return await varve([...args, "--json"], { cwd, env });
    };
    const fault = await run("fault", "plan", "project");
    const { code, message } = errorOf(fault.stdout);
    assert.deepEqual([code, fault.code], ["FAULT", 1], message);
    assert.match(message, /^varve has a fault \(TypeError: no reason/);

    const silent = createServer().listen(0, "127.0.0.1");
    t.after(() => silent.close());
    await new Promise((resolve) => silent.once("listening", resolve));
    const { port } = silent.address() as { port: number };
    const interrupted = await run("interrupt", "inspect", `docker://127.0.0.1:${port}/app:1`);
    assert.deepEqual([errorOf(interrupted.stdout).code, interrupted.code], ["ABORTED", 130]);
  });

  it("prints a result that is bad news as a result", async (t) => {
    const cwd = await temporaryFolder(t);
    writeTree(`${cwd}/root`, {
      dir: {
        bin: { dir: { sh: { file: "#!/bin/sh\n", mode: 0o755 } } },
        etc: { dir: { passwd: { file: "root:x:0:0::/:/bin/sh\n" } } },
      },
    });
    const config = { Cmd: ["/bin/sh"], User: "nobody-here", Env: ["PATH=/bin"] };
    writeFileSync(`${cwd}/spec.json`, JSON.stringify({ name: "x", tag: "1", copyToRoot: "root", config }));
    await varve(["build", "spec.json", "--no-check", "-o", "oci:layout:1"], { cwd });
    const { code, stdout, stderr } = await varve(["check", "oci:layout:1", "--json"], { cwd });
    assert.equal(code, 1, stderr);
    assert.equal(JSON.parse(stdout.toString()).errors, 1);
    assert.match(stderr, /^Error: .* has an error; /);
  });

  it("is documented where a command has the option", async () => {
    for (const { load } of Object.values(COMMANDS)) {
      const top = (await load()).command();
      for (const command of [top, ...top.commands]) {
        const json = command.options.find(({ long }) => long === "--json");
        if (json !== undefined) assert.match(json.description, /or why there is none, as JSON/);
      }
    }
  });
});
