import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { test } from "node:test";
import fc from "fast-check";
import {
  measure,
  measurePair,
  measureTurns,
  outputDigest,
  ratios,
  type Sample,
  spread,
} from "../../bench/run.ts";

const withTime = { skip: existsSync("/usr/bin/time") ? false : "GNU time is not installed" };
const sample = (wall: number): Sample => ({ wall, cpu: 0, peak: 0, others: 0 });

test("spread gives the middle and the ends, in whatever order the figures come", () => {
  assert.deepEqual(spread([5, 1, 3]), { median: 3, min: 1, max: 5 });
  assert.deepEqual(spread([4, 1, 3, 2]), { median: 2.5, min: 1, max: 4 });
  assert.deepEqual(spread([10, 9]), { median: 9.5, min: 9, max: 10 });
  fc.assert(
    fc.property(fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1 }), (figures) => {
      const { median, min, max } = spread(figures);
      assert.ok(min <= median && median <= max);
      assert.deepEqual(spread(figures.toReversed()), { median, min, max });
    }),
  );
  assert.throws(() => spread([]), /no figures/);
});

test("ratios compares each run with the one beside it", () => {
  assert.deepEqual(ratios([sample(8), sample(6)], [sample(2), sample(3)]), { median: 3, min: 2, max: 4 });
});

test("measure counts a command's own processor time and memory, and that of what it starts", withTime, () => {
  const hold = "const b = Buffer.alloc(200 << 20, 1); if (b.length === 0) throw 0;";
  const nested = `${process.execPath} -e '${hold}'`;
  const { wall, cpu, peak } = measure(["sh", "-c", `${nested}; true`], { sink: "none" });
  assert.ok(peak > 200 * 2 ** 20 && peak < 400 * 2 ** 20, `${peak} bytes`);
  assert.ok(cpu > 0 && wall > 0);
});

test("measure doesn't count its own process' memory", withTime, () => {
  const ballast = Buffer.alloc(150 << 20, 1);
  const { peak } = measure(["true"], { sink: "pipe" });
  assert.ok(peak < 20 * 2 ** 20, `${peak} bytes beside ${ballast.length}`);
});

test("measure fails with the last words of a command that fails, whatever its sink", withTime, () => {
  for (const sink of ["none", "pipe"] as const) {
    assert.throws(() => measure(["sh", "-c", "echo sorry >&2; exit 3"], { sink }), /exit 3 failed: sorry/);
  }
});

test("measurePair runs both the wanted number of times", withTime, async () => {
  const pair = await measurePair({ ours: ["true"], theirs: ["true"], runs: 3, sink: "none" });
  assert.deepEqual([pair.ours.length, pair.theirs.length], [3, 3]);
});

test(
  "measureTurns makes each run ready anew, in turns, and clears it away even after a failure",
  withTime,
  async () => {
    const log: string[] = [];
    const setting = (name: string, command: "true" | "false") => async () => ({
      command: [command] as const,
      sink: "none" as const,
      async after() {
        log.push(`${name} ran`);
      },
      async [Symbol.asyncDispose]() {
        log.push(`${name} cleared`);
      },
    });
    const turns = await measureTurns([setting("a", "true"), setting("b", "true")], { runs: 1 });
    assert.deepEqual([turns.length, turns[0]!.length, turns[1]!.length], [2, 1, 1]);
    const once = ["a ran", "a cleared", "b ran", "b cleared"];
    assert.deepEqual(log.splice(0), [...once, ...once]);
    await assert.rejects(measureTurns([setting("c", "false")], { runs: 1 }), /false failed/);
    assert.deepEqual(log, ["c cleared"]);
  },
);

test("outputDigest tells outputs apart, and a failure from an empty output", () => {
  const empty = outputDigest(["true"]);
  assert.equal(empty, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  assert.notEqual(outputDigest(["false"]), empty);
  assert.notEqual(outputDigest(["echo", "a"]), outputDigest(["echo", "b"]));
});
