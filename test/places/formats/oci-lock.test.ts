import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdirSync, readdirSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import fsPromises from "node:fs/promises";
import { syncBuiltinESMExports } from "node:module";
import { describe, it, type TestContext } from "node:test";
import { setImmediate } from "node:timers/promises";
import { withLock } from "../../../src/places/formats/oci-layout/lock.ts";
import { currentOwner, hasEnded, type Owner, ownedName, ownerOfName } from "../../../src/util/owner.ts";
import { temporaryFolder } from "../../support/tmp.ts";

/** A process of this machine that has ended. */
async function endedOwner(): Promise<Owner> {
  const child = spawn("true");
  await once(child, "close");
  return { ...(await currentOwner()), pid: child.pid!, start: "1" };
}

/** Leaves a lock as a killed process does, and returns its id. */
function leaveLock(folder: string, owner: Owner, name = "lock"): string {
  const id = randomUUID();
  writeFileSync(`${folder}/${name}`, JSON.stringify({ ...owner, id }));
  return id;
}

async function lockOf(t: TestContext) {
  const folder = `${await temporaryFolder(t)}/locks`;
  mkdirSync(folder);
  const prepare = async () => void mkdirSync(folder, { recursive: true });
  return { folder, owner: await currentOwner(), prepare };
}

/** Has many tasks take the lock at once, and sees that only one at a time has it. */
async function contend(lock: Awaited<ReturnType<typeof lockOf>>, tasks = 25): Promise<void> {
  let inside = 0;
  let done = 0;
  const work = async () => {
    assert.equal(++inside, 1);
    for (let turn = 0; turn < 5; turn++) await setImmediate();
    inside--;
    done++;
  };
  await Promise.all(
    Array.from({ length: tasks }, async (_, index) => {
      for (let turn = 0; turn < index; turn++) await setImmediate();
      await withLock(lock, work);
    }),
  );
  assert.equal(done, tasks);
  assert.deepEqual(readdirSync(lock.folder), []);
}

describe("a layout's lock", () => {
  it("is held by one at a time, and leaves nothing", async (t) => {
    await contend(await lockOf(t));
  });

  it("is taken over by one at a time from a process that has ended", async (t) => {
    const lock = await lockOf(t);
    leaveLock(lock.folder, await endedOwner());
    await contend(lock);
  });

  it("is taken over from processes that ended while they took it over", async (t) => {
    const lock = await lockOf(t);
    const ended = await endedOwner();
    let name = "lock";
    for (let depth = 0; depth < 4; depth++) name = `lock.${leaveLock(lock.folder, ended, name)}`;
    await contend(lock);
  });

  it("isn't taken by a waiter that follows a chain which has gone meanwhile", async (t) => {
    const lock = await lockOf(t);
    const dead = leaveLock(lock.folder, await endedOwner());
    const root = `${lock.folder}/lock`;
    let held = false;
    const { link } = fsPromises;
    // Just before the waiter makes its link, the chain is released, and somebody else takes the lock.
    t.mock.method(fsPromises, "link", async (own: string, path: string) => {
      if (path === `${root}.${dead}` && !held) {
        rmSync(root);
        leaveLock(lock.folder, lock.owner);
        held = true;
      }
      await link(own, path);
    });
    syncBuiltinESMExports();
    t.after(() => {
      t.mock.restoreAll();
      syncBuiltinESMExports();
    });
    let attempts = 0;
    const prepare = async () => {
      if (++attempts !== 3) return;
      assert.deepEqual(
        readdirSync(lock.folder).filter((name) => name.startsWith("lock")),
        ["lock"],
      );
      rmSync(root);
      held = false;
    };
    await withLock({ ...lock, prepare }, async () => assert.equal(held, false));
    assert.equal(attempts, 3);
  });

  it("is rid of what processes left that ended while they released it", async (t) => {
    const lock = await lockOf(t);
    leaveLock(lock.folder, await endedOwner(), `lock.${randomUUID()}`);
    await withLock(lock, async () => {});
    assert.deepEqual(readdirSync(lock.folder), []);
  });

  it("is released when the work fails", async (t) => {
    const lock = await lockOf(t);
    await assert.rejects(
      withLock(lock, async () => {
        throw new Error("the work failed");
      }),
      /the work failed/,
    );
    assert.deepEqual(readdirSync(lock.folder), []);
  });

  it("isn't taken from a process that runs, nor from one of which nothing is known", async (t) => {
    const lock = await lockOf(t);
    for (const owner of [lock.owner, { ...lock.owner, pid: 4_000_000, place: "0".repeat(16) }]) {
      leaveLock(lock.folder, owner);
      const controller = new AbortController();
      let attempts = 0;
      const prepare = async () => {
        if (++attempts === 4) controller.abort(new Error("waited long enough"));
      };
      const waiting = withLock({ ...lock, prepare, signal: controller.signal }, async () => assert.fail());
      await assert.rejects(waiting, /waited long enough/);
      assert.deepEqual(readdirSync(lock.folder), ["lock"]);
    }
  });

  it("makes its folder anew when another process has removed it", async (t) => {
    const lock = await lockOf(t);
    let attempts = 0;
    const prepare = async () => {
      mkdirSync(lock.folder, { recursive: true });
      if (++attempts === 1) rmdirSync(lock.folder);
    };
    assert.equal(await withLock({ ...lock, prepare }, async () => "done"), "done");
    assert.equal(attempts, 2);
  });
});

describe("a process", () => {
  it("has ended when it isn't there, or another has its number", async () => {
    const current = await currentOwner();
    assert.equal(await hasEnded(current, current), false);
    assert.equal(await hasEnded(await endedOwner(), current), true);
    if (current.start !== "") assert.equal(await hasEnded({ ...current, start: "1" }, current), true);
  });

  it("elsewhere counts as running", async () => {
    const current = await currentOwner();
    assert.equal(await hasEnded({ ...(await endedOwner()), place: "0".repeat(16) }, current), false);
  });

  it("is told by the names of its files", async () => {
    const current = await currentOwner();
    const { pid, start, place } = current;
    assert.deepEqual(ownerOfName(ownedName(current, "x")), { pid, start, place, host: "" });
    assert.equal(ownerOfName("lock"), undefined);
    assert.equal(ownerOfName("0".repeat(64)), undefined);
  });
});
