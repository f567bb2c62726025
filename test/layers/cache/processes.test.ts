import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { chmodSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { describe, it } from "node:test";
import { drawMoments } from "../../support/moments.ts";
import { mustRun } from "../../support/process.ts";
import { requires } from "../../support/systems.ts";
import { temporaryFolder } from "../../support/tmp.ts";
import { testProgram } from "../../support/varve.ts";
import { filesIn, openAt } from "./support/samples.ts";

const USER = testProgram("layers/cache/support/user");

/** The command of a process that uses a cache. */
function user(folder: string, ...args: string[]): [string, ...string[]] {
  return [process.execPath, USER, folder, ...args];
}

interface Answers {
  readonly right: number;
  readonly wrong: number;
}

async function answers(command: readonly [string, ...string[]]): Promise<Answers> {
  return JSON.parse(await mustRun(command)) as Answers;
}

describe("a digest cache", () => {
  it("never gives a wrong answer while eight processes use, prune, verify and drop", async (t) => {
    const folder = await temporaryFolder(t);
    const all = await Promise.all(Array.from({ length: 8 }, () => answers(user(folder, "use", "200"))));
    for (const { right, wrong } of all) {
      assert.equal(wrong, 0);
      assert.ok(right > 0);
    }
    assert.equal(openAt(folder).verify().removed, 0);
    assert.deepEqual(filesIn(folder, ".tmp"), []);
  });

  it("has whole entries only after a writer was killed at any moment", async (t) => {
    const folder = await temporaryFolder(t);
    for (const wanted of drawMoments(t, { count: 12, last: 12 })) {
      const [program, ...args] = user(folder, "write");
      const child = spawn(program, args, { stdio: ["ignore", "pipe", "inherit"] });
      const exit = once(child, "exit");
      let seen = 0;
      for await (const _ of createInterface({ input: child.stdout })) {
        // Its line came some time ago: it is anywhere by now.
        if (++seen === wanted) child.kill("SIGKILL");
      }
      assert.deepEqual(await exit, [null, "SIGKILL"]);
      const { checked, removed } = openAt(folder).verify();
      assert.ok(checked > 0);
      assert.equal(removed, 0);
    }
    const { wrong } = await answers(user(folder, "get", "200"));
    assert.equal(wrong, 0);
    openAt(folder, Date.now() + 2 * 60_000).prune();
    assert.deepEqual(filesIn(folder, ".tmp"), []);
  });

  /** Runs a shell script in which `"$@"` uses a cache on a small disk, which is there for it alone. */
  async function onSmallDisk(disk: string, script: string): Promise<Answers> {
    const mount = `mount -t tmpfs -o size=256k tmpfs ${disk} && ${script}`;
    return await answers(["unshare", "--mount", "sh", "-ec", mount, "sh", ...user(disk)]);
  }

  it("on a full disk keeps what it can, and gives nothing wrong", { skip: requires("root") }, async (t) => {
    const disk = await temporaryFolder(t);
    const { right, wrong } = await onSmallDisk(
      disk,
      `"$@" put 400; test -z "$(ls ${disk}/digests-v2/aside)"`,
    );
    assert.equal(wrong, 0);
    assert.ok(right > 0 && right < 800, `${right} answers`);
  });

  it("on a disk that was full from the start is empty", { skip: requires("root") }, async (t) => {
    const disk = await temporaryFolder(t);
    const script = `cat /dev/zero >${disk}/large 2>${disk}/errors || true; "$@" put 10`;
    assert.deepEqual(await onSmallDisk(disk, script), { right: 0, wrong: 0 });
  });

  it("that can only be read is read", { skip: requires("root") }, async (t) => {
    const disk = await temporaryFolder(t);
    const script = `"$@" put 10 >${disk}/said; mount -o remount,ro ${disk}; "$@" get 10`;
    assert.deepEqual(await onSmallDisk(disk, script), { right: 20, wrong: 0 });
  });

  it("in a folder that nobody may write to keeps nothing", async (t) => {
    const folder = join(await temporaryFolder(t), "folder");
    mkdirSync(folder);
    chmodSync(folder, 0o555);
    const { right, wrong } = await answers(user(folder, "put", "5"));
    assert.equal(wrong, 0);
    // Root isn't bound by a folder's mode.
    if (process.geteuid?.() !== 0) assert.equal(right, 0);
  });
});
