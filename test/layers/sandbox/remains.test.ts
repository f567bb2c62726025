/** What scripts leave behind, and how they end. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, describe, it } from "node:test";
import { setTimeout } from "node:timers/promises";
import { requires } from "../../support/systems.ts";
import { stacked, temporaryFolder } from "../../support/tmp.ts";
import { commandFor, make, makeBase, running, VIEWS } from "./sandboxes.ts";

describe("after a script of a layer", { skip: requires("sandboxes", "busybox") }, () => {
  const scope = stacked({ after });
  let folder: string;
  let base: string;

  before(async () => {
    folder = await temporaryFolder(scope);
    // Others than root are to find what is in it.
    chmodSync(folder, 0o755);
    base = await makeBase(folder, "linked");
  });

  it("folders too deep for their path are removed, and are an error that says so in the layer", async () => {
    const nest = (at: string) =>
      `(cd ${at} && n=0 && while [ $n -lt 60 ]; do mkdir ${"d".repeat(80)}; cd -P ${"d".repeat(80)}; n=$((n + 1)); done)`;
    for (const way of VIEWS) {
      const steps = {
        extraCommands: `${nest("/tmp")}; touch f`,
        fakeRootCommands: `mkdir /tmp/e; ${nest("/tmp/e")}`,
      };
      const beside = await make(folder, way, { steps });
      assert.deepEqual(beside.names, ["f"], `${way.sandbox} ${beside.message}`);
      for (const inLayer of [
        { extraCommands: nest(".") },
        { fakeRootCommands: nest(".") },
        { runAsRoot: nest("/") },
      ]) {
        const made = await make(folder, way, { base, steps: inLayer });
        assert.equal(made.code, "UNSUPPORTED_FILE", made.message);
        assert.match(made.message!, /^a script of the layer made \/d{80}\/d.* longer than 4095 bytes/);
        assert.ok(made.message!.length < 400);
      }
    }
  });

  it("nothing of one that killed all it could is left when varve is killed", async () => {
    for (const { sandbox } of VIEWS) {
      // The number tells this test's process from all others.
      const seconds = String(200_000 + process.pid);
      const work = join(folder, `killed-${sandbox}`);
      mkdirSync(work);
      chmodSync(work, 0o1777);
      const [program, ...args] = commandFor(folder, sandbox);
      const child = spawn(program, args, { stdio: ["pipe", "ignore", "ignore"] });
      const ended = once(child, "exit");
      const runAsRoot = [
        "set +e",
        "for process in /proc/[0-9]*; do",
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is shell
        '  process=${process#/proc/}; [ "$process" = $$ ] || kill -s KILL "$process"',
        "done",
        `exec sleep ${seconds}`,
      ].join("\n");
      const wish = { sandboxes: [sandbox], base, steps: { runAsRoot }, temporary: work, out: "/dev/null" };
      child.stdin.end(JSON.stringify(wish));
      const alive = () => running(seconds).length > 0;
      // Where it killed what it was started by, it has failed, and varve has ended what is left of it.
      for (let turn = 0; !alive() && child.exitCode === null; turn++) {
        assert.ok(turn < 5000, "the script runs soon");
        await setTimeout(20);
      }
      child.kill("SIGKILL");
      await ended;
      try {
        for (let turn = 0; alive(); turn++) {
          assert.ok(turn < 5000, "all processes are gone soon");
          await setTimeout(20);
        }
      } finally {
        for (const left of running(seconds)) process.kill(Number(left), "SIGKILL");
      }
      assert.ok(!readFileSync("/proc/self/mountinfo", "utf8").includes(work));
      assert.ok(readdirSync(work).length <= 1);
    }
  });
});
