import assert from "node:assert/strict";
import { describe, it, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Thread } from "#util";
import { mustRun } from "../support/process.ts";

const ASKED = "./support/asked-thread.ts";

function thread(t: TestContext, body = ASKED, data?: unknown): Thread<string, string> {
  const started = new Thread<string, string>({
    body: () => new URL(body, import.meta.url),
    job: "compress",
    data,
    here: () => (request) => {
      if (request === "fail") throw new Error("it failed here");
      return `${request} here`;
    },
  });
  t.after(() => started.end());
  return started;
}

// What waits for a thread that is gone would wait for ever.
describe("a thread that is asked", { timeout: 300_000 }, () => {
  it("answers one request after the other", async (t) => {
    const asked = thread(t);
    assert.equal(await asked.ask("a"), "a in a thread");
    assert.equal(await asked.ask("b"), "b in a thread");
  });

  it("fails as its work does, with the code, and goes on", async (t) => {
    const asked = thread(t);
    await assert.rejects(asked.ask("fail"), { code: "UNREADABLE", message: "it can't be read" });
    await assert.rejects(asked.ask("break"), { name: "Error", message: "it broke" });
    assert.equal(await asked.ask("a"), "a in a thread");
  });

  it("fails when it ends in the middle, and from then on", async (t) => {
    const asked = thread(t);
    await asked.ask("a");
    await assert.rejects(asked.ask("end"), /a thread ended before its work was done/);
    assert.ok(asked.ended);
    await assert.rejects(asked.ask("a"), /a thread ended before its work was done/);
  });

  it("fails when it is ended, whatever it is doing", async (t) => {
    const asked = thread(t);
    await asked.ask("a");
    const waiting = assert.rejects(asked.ask("wait"), /the thread was ended/);
    await asked.end();
    await waiting;
  });

  it("keeps the process until it has ended, though an answer comes meanwhile", async () => {
    const program = fileURLToPath(new URL("./support/ending-program.ts", import.meta.url));
    assert.equal(await mustRun([process.execPath, program]), "ended\n");
  });

  for (const [what, body, data] of [
    ["its module isn't there", "./support/not-there.ts", undefined],
    ["its module can't be loaded", "./support/broken-thread.mjs", undefined],
    ["it ends before it listens", ASKED, "never ready"],
    ["no thread can get what it is to be given", ASKED, () => {}],
  ] as const) {
    it(`is this one where ${what}`, async (t) => {
      const asked = thread(t, body, data);
      assert.equal(await asked.ask("a"), "a here");
      await assert.rejects(asked.ask("fail"), /it failed here/);
      assert.equal(await asked.ask("b"), "b here");
    });
  }

  it("is this one where nobody can say where its module is, as in a CommonJS bundle", async () => {
    const asked = new Thread<string, string>({
      job: "compress",
      body: () => new URL("./thread.ts", undefined),
      here: () => (request) => `${request} here`,
    });
    assert.equal(await asked.ask("a"), "a here");
  });
});
